"""Random statements that compare searchable columns."""
from phrases import Phrases, Statement
from tables import Column

EMAIL, LOGIN, MARK = Column("email", "found", True), Column("login", "foundv", True), Column("mark", "foundb", True)
MEMO = Column("memo", "text", True)


class Searches(Phrases):
    def search(self):
        org, limit = self.tenant(), self.integer()
        email = lambda: self.slot(EMAIL, null=False)
        login = lambda: self.slot(LOGIN, null=False)
        return Statement(self.rng.choice([
            lambda: f"SELECT * FROM accounts WHERE org = {org} AND email = {email()}", lambda: f"SELECT id, memo FROM accounts WHERE login = {login()}", lambda: f"SELECT id, email FROM accounts WHERE login IN ({login()}, {login()}) AND memo IS NOT NULL",
            lambda: f"SELECT a.id, c.id, a.email, c.mail FROM accounts a JOIN contacts c ON c.org = a.org AND c.mail = a.email", lambda: f"SELECT a.id, c.label FROM accounts a LEFT JOIN contacts c ON c.mail = a.email AND c.org = {org} WHERE a.org = {org}",
            lambda: f"SELECT org, email, count(*), json_agg(memo ORDER BY id) FROM accounts GROUP BY org, email", lambda: f"SELECT login, count(*) FROM accounts GROUP BY login HAVING count(*) > 0", lambda: f"SELECT DISTINCT org, email FROM accounts WHERE id < {limit}",
            lambda: f"SELECT count(DISTINCT email) FROM accounts WHERE org = {org}", lambda: f"SELECT id FROM accounts a WHERE a.org = {org} AND a.email NOT IN (SELECT c.mail FROM contacts c WHERE c.org = {org} AND c.mail IS NOT NULL)",
            lambda: f"SELECT id, mail FROM contacts c WHERE EXISTS (SELECT 1 FROM accounts a WHERE a.org = c.org AND a.email = c.mail)", lambda: f"SELECT mail FROM mails WHERE org = {org} AND mail = {email()}", lambda: f"SELECT org, mail, count(*) FROM mails GROUP BY org, mail",
            lambda: f"SELECT email FROM accounts WHERE org = {org} INTERSECT SELECT mail FROM contacts WHERE org = {org}", lambda: f"SELECT org, email FROM accounts EXCEPT SELECT org, mail FROM contacts", lambda: f"SELECT org, mail FROM contacts UNION SELECT org, email FROM accounts",
            lambda: f"SELECT id, row_number() OVER (PARTITION BY org, email ORDER BY id), lag(memo) OVER (PARTITION BY login ORDER BY id) FROM accounts", lambda: f"SELECT id, nullif(login, {login()}) FROM accounts", lambda: f"SELECT id, mark FROM accounts WHERE org = {org} AND mark = {self.slot(MARK, null=False)}",
            lambda: f"SELECT DISTINCT ON (org, email) org, email, memo FROM accounts ORDER BY org, email, id" if self.chance(0.1) else f"SELECT a.memo, b.memo FROM accounts a, accounts b WHERE a.login = b.login AND a.id <= b.id", lambda: f"SELECT CASE WHEN login = {login()} THEN 'yes' ELSE 'no' END, login IS DISTINCT FROM {login()} FROM accounts",
            lambda: f"SELECT c.id FROM contacts c WHERE (c.org, c.mail) = ({org}, {email()})", lambda: f"SELECT id FROM accounts WHERE org = {org} AND (email = {email()} OR login = {login()})", lambda: f"SELECT id, (SELECT max(c.label) FROM contacts c WHERE c.org = a.org AND c.mail = a.email) FROM accounts a",
            lambda: f"SELECT * FROM accounts a JOIN contacts c USING (org) WHERE a.email = c.mail" , lambda: f"SELECT id FROM accounts WHERE login = ANY (ARRAY[{login()}, {login()}]::varchar[])", lambda: f"SELECT string_agg(memo, '|' ORDER BY id) FROM accounts WHERE org = {org} GROUP BY email",
            lambda: f"UPDATE accounts SET memo = {self.slot(MEMO)} WHERE org = {org} AND email = {email()} RETURNING id, email, memo", lambda: f"UPDATE accounts SET login = {login()} WHERE login = {login()} AND id = {limit} RETURNING login", lambda: f"DELETE FROM contacts WHERE org = {org} AND mail = {email()} RETURNING *",
            lambda: f"UPDATE accounts SET n = n + 1 WHERE login = {login()} RETURNING n, login", lambda: f"UPDATE contacts c SET label = a.memo IS NULL FROM accounts a WHERE a.org = c.org AND a.email = c.mail AND c.org = {org}", lambda: f"DELETE FROM contacts USING accounts a WHERE a.org = contacts.org AND a.email = contacts.mail AND a.id = {limit}",
            lambda: f"INSERT INTO contacts (id, org, mail) SELECT {limit}, {org}, {email()} WHERE NOT EXISTS (SELECT 1 FROM contacts c WHERE c.org = {org} AND c.mail = {email()}) ON CONFLICT DO NOTHING RETURNING mail",
            lambda: f"INSERT INTO accounts (id, org, email, memo) VALUES ({limit}, {org}, {email()}, {self.slot(MEMO)}) ON CONFLICT (org, email) DO UPDATE SET memo = EXCLUDED.memo, n = coalesce(accounts.n, 0) + 1 RETURNING id, memo, n",
            lambda: f"INSERT INTO accounts (id, org, login, memo) VALUES ({limit}, {org}, {login()}, {self.slot(MEMO)}) ON CONFLICT (login) DO UPDATE SET memo = EXCLUDED.memo WHERE accounts.org = EXCLUDED.org RETURNING id, org, memo",
        ])())
