<?php
// PHP: PDO with native and with emulated prepares, and the pgsql extension.
$texts = array_map('base64_decode', explode("\n", stream_get_contents(STDIN)));
const COLUMNS = 'id, account_id, label, secret, pin, settings, raw, blob';

// The row of a text: one value of it in a column of each type.
function row(int $id, ?string $text): array
{
    $document = $text === null ? null : json_encode(['value' => $text, 'list' => [1, true, null]]);
    return [$id, 1 + $id % 2, "row $id", $text, $text === null ? null : preg_replace('/^(.{0,40}).*$/us', '$1', $text), $document, $document, $text === null ? null : "$text\xff\0'"];
}

function rows(int $first = 1): array
{
    global $texts;
    return array_map(fn($text, $index) => row($first + $index, $text), [...$texts, null], range(0, count($texts)));
}

function shown($value)
{
    if (is_resource($value)) return ['bytes' => bin2hex(stream_get_contents($value))];
    if (is_array($value)) return array_map('shown', $value);
    return is_string($value) && !preg_match('//u', $value) ? ['bytes' => bin2hex($value)] : $value;
}

function step(string $name, callable $work): void
{
    try {
        $got = $work();
    } catch (Failed | PDOException $caught) {
        fwrite(STDERR, $caught . "\n");
        $got = ['error' => ['state' => error($caught)[0], 'message' => error($caught)[1]]];
    }
    echo json_encode(['step' => $name, 'got' => shown($got)], JSON_THROW_ON_ERROR), "\n";
}

class Failed extends Exception
{
    public function __construct(public string $state, string $message)
    {
        parent::__construct($message);
    }
}

function error($caught): array
{
    return $caught instanceof Failed ? [$caught->state, $caught->getMessage()] : [$caught->errorInfo[0], explode("\n", $caught->errorInfo[2])[0]];
}

function sorted(array|false $lines): array
{
    $lines = $lines ?: [];
    sort($lines);
    return $lines;
}

function fails(callable $work)
{
    try {
        $work();
        return 'no error';
    } catch (Failed | PDOException $caught) {
        return error($caught);
    }
}

abstract class Driver
{
    abstract public function run(string $sql, array $values = []): array;
    abstract public function steps(): void;

    // Places are `?` for PDO and `$n` for the extension.
    abstract public function place(int $number): string;

    public function insert(): string
    {
        return 'INSERT INTO vaults (' . COLUMNS . ') VALUES (' . implode(', ', array_map($this->place(...), range(1, 8))) . ')';
    }

    public function common(): void
    {
        [$a, $b, $c] = array_map($this->place(...), [1, 2, 3]);
        step('insert', fn() => array_map(fn($values) => $this->run($this->insert(), $values), rows()));
        step('read', fn() => [$this->run('SELECT * FROM vaults ORDER BY id'), $this->run("SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = $a", [2])]);
        step('update', fn() => [
            $this->run("UPDATE vaults SET secret = $a, pin = $b WHERE id = $c", ["it's \\ new", '1234', 1]), $this->run("UPDATE vaults SET settings = $a WHERE account_id = $b AND id = $c", ['{"b": [1, "ü"]}', 1, 2]),
            $this->run("UPDATE vaults SET secret = 'it''s a literal', blob = '\\x0001fe', rank = rank + 1 WHERE id = 3 RETURNING *"), $this->run("UPDATE vaults SET secret = $a WHERE id = $b", [null, 4]), $this->run("UPDATE vaults SET secret = $a WHERE id = $b", ['x', 999]),
        ]);
        step('upsert', fn() => $this->run($this->insert() . ' ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw', row(2, 'upserted')));
        step('transaction', function () use ($a) {
            $this->run('BEGIN');
            $this->run("UPDATE vaults SET secret = $a WHERE id = 2", ['lost']);
            $seen = [$this->run('SELECT secret FROM vaults WHERE id = 2')];
            $this->run('ROLLBACK');
            $this->run('BEGIN');
            $this->run("UPDATE vaults SET secret = $a WHERE id = 3", ['kept']);
            $this->run('SAVEPOINT a');
            $seen[] = fails(fn() => $this->run($this->insert(), row(1, 'again')));
            $seen[] = fails(fn() => $this->run('SELECT secret FROM vaults'));
            $this->run('ROLLBACK TO a');
            $this->run('COMMIT');
            return [$seen, $this->run('SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id')];
        });
        step('errors', fn() => array_map(fn($query) => fails(fn() => $this->run(...$query)), [
            [$this->insert(), row(1, 'again')], ['SELECT secret, nothing FROM vaults'], ['SELEC 1'], ["UPDATE vaults SET pin = $a WHERE id = 1", [str_repeat('x', 2001)]], ["INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', $a)", ['s']],
            ['SELECT 1/0'], ['SELECT * FROM missing'],
        ]));
        $this->steps();
        step('delete', fn() => [$this->run("DELETE FROM vaults WHERE id = $a RETURNING secret", [5]), $this->run("DELETE FROM vaults WHERE id = $a", [5])]);
    }
}

class ViaPdo extends Driver
{
    private PDO $pdo;

    public function __construct(array $url, bool $emulate)
    {
        $this->pdo = new PDO("pgsql:host={$url['host']};port={$url['port']};dbname=" . trim($url['path'], '/'), $url['user'], null, [PDO::ATTR_EMULATE_PREPARES => $emulate, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
    }

    public function place(int $number): string
    {
        return '?';
    }

    public function run(string $sql, array $values = []): array
    {
        $statement = $this->pdo->prepare($sql);
        foreach ($values as $index => $value) {
            $kind = is_int($value) ? PDO::PARAM_INT : ($value === null ? PDO::PARAM_NULL : (preg_match('//u', $value) ? PDO::PARAM_STR : PDO::PARAM_LOB));
            $statement->bindValue($index + 1, $value, $kind);
        }
        $statement->execute();
        $types = [];
        for ($column = 0; $column < $statement->columnCount(); $column++) {
            $meta = $statement->getColumnMeta($column);
            // The table's OID differs between two databases.
            $types[] = [$meta['name'], $meta['native_type'], $meta['len'], $meta['precision'], $meta['table'] ?? null];
        }
        return [$statement->rowCount(), $types, $types ? $statement->fetchAll(PDO::FETCH_NUM) : null];
    }

    public function steps(): void
    {
        step('batch', function () {
            $this->pdo->beginTransaction();
            $statement = $this->pdo->prepare('INSERT INTO vaults (id, account_id, label, secret, settings) VALUES (:id, :account, :label, :secret, :settings) RETURNING secret');
            $given = [];
            foreach (rows(101) as $values) {
                $statement->execute(['id' => $values[0], 'account' => $values[1], 'label' => $values[2], 'secret' => $values[3], 'settings' => $values[5]]);
                $given[] = $statement->fetchColumn();
            }
            $this->pdo->commit();
            return [$given, $this->run('SELECT * FROM vaults WHERE id > 100 ORDER BY id')];
        });
        step('cursor', function () {
            $this->pdo->beginTransaction();
            $statement = $this->pdo->prepare('SELECT id, secret, settings FROM vaults ORDER BY id', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
            $statement->execute();
            $seen = [$statement->fetch(PDO::FETCH_ASSOC), $statement->fetch(PDO::FETCH_ASSOC, PDO::FETCH_ORI_LAST), $statement->fetch(PDO::FETCH_ASSOC, PDO::FETCH_ORI_PRIOR)];
            $statement = null;
            $this->pdo->commit();
            return $seen;
        });
        step('copy', fn() => [$this->pdo->pgsqlCopyFromArray('notes', ["1\ta", "2\tb\\tc", "3\t\\N"]), $this->pdo->pgsqlCopyToArray('notes')]);
        step('copy of the sealed table', fn() => [$this->pdo->pgsqlCopyFromArray('vaults', ["901\t1\tc1\tco\\\\p\\ty\t{\"a\": 1}", "902\t2\tc2\t\\N\t\\N"], "\t", '\\\\N', 'id, account_id, label, secret, settings'), sorted($this->pdo->pgsqlCopyToArray('vaults'))]);
    }
}

class ViaPgsql extends Driver
{
    private PgSql\Connection $connection;

    public function __construct(string $url)
    {
        $this->connection = pg_connect($url);
    }

    public function place(int $number): string
    {
        return "\$$number";
    }

    private function told(PgSql\Result|false $result): array
    {
        if ($result === false || pg_result_error_field($result, PGSQL_DIAG_SQLSTATE)) {
            throw new Failed($result ? pg_result_error_field($result, PGSQL_DIAG_SQLSTATE) : '', $result ? pg_result_error_field($result, PGSQL_DIAG_MESSAGE_PRIMARY) : pg_last_error($this->connection));
        }
        $types = [];
        for ($column = 0; $column < pg_num_fields($result); $column++) $types[] = [pg_field_name($result, $column), pg_field_type($result, $column)];
        return [pg_affected_rows($result), $types, pg_fetch_all($result, PGSQL_NUM)];
    }

    public function run(string $sql, array $values = []): array
    {
        $values = array_map(fn($value) => is_string($value) && !preg_match('//u', $value) ? '\\x' . bin2hex($value) : $value, $values);
        $values ? pg_send_query_params($this->connection, $sql, $values) : pg_send_query($this->connection, $sql);
        $result = pg_get_result($this->connection);
        while (pg_get_result($this->connection));
        return $this->told($result);
    }

    public function steps(): void
    {
        step('prepared', function () {
            pg_prepare($this->connection, 'one', 'SELECT secret, blob FROM vaults WHERE id = $1');
            return array_map(fn($id) => $this->told(pg_execute($this->connection, 'one', [$id])), range(1, 7));
        });
        step('helpers', fn() => [
            pg_insert($this->connection, 'vaults', ['id' => 101, 'account_id' => 1, 'label' => 'helped', 'secret' => "it's \\ helped"]) !== false, pg_update($this->connection, 'vaults', ['secret' => 'changed'], ['id' => 101]),
            pg_select($this->connection, 'vaults', ['id' => 101]), pg_meta_data($this->connection, 'vaults'),
        ]);
        step('batch', function () {
            $texts = array_map(fn($values) => "INSERT INTO vaults (id, account_id, label, secret) VALUES ({$values[0]}, {$values[1]}, '{$values[2]}', " . ($values[3] === null ? 'NULL' : pg_escape_literal($this->connection, $values[3])) . ')', rows(201));
            pg_send_query($this->connection, implode(';', $texts));
            $seen = [];
            while ($result = pg_get_result($this->connection)) $seen[] = $this->told($result);
            return [$seen, $this->run('SELECT * FROM vaults WHERE id > 200 ORDER BY id')];
        });
        step('copy', fn() => [pg_copy_from($this->connection, 'notes', ["1\ta\n", "2\tb\\tc\n", "3\t\\N\n"]), pg_copy_to($this->connection, 'notes')]);
        step('copy of the sealed table', function () {
            $done = pg_copy_from($this->connection, 'vaults (id, account_id, label, secret, settings)', ["901\t1\tc1\tco\\\\p\\ty\t{\"a\": 1}\n", "902\t2\tc2\t\\N\t\\N\n"]);
            return $done ? [$done, sorted(pg_copy_to($this->connection, 'vaults'))] : throw new Failed('0A000', pg_last_error($this->connection));
        });
    }
}

error_reporting(E_ALL & ~E_WARNING & ~E_NOTICE & ~E_DEPRECATED);
$extension = $argv[1] === 'pgsql' ? 'pgsql' : 'pdo_pgsql';
echo json_encode(['driver' => "PHP $extension", 'version' => explode('-', phpversion())[0]]), "\n";
$driver = $argv[1] === 'pgsql' ? new ViaPgsql(getenv('DATABASE_URL')) : new ViaPdo(parse_url(getenv('DATABASE_URL')), $argv[1] === 'emulated');
$driver->common();
