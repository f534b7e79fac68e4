# Perl DBD::Pg: server-side and client-side placeholders, binary columns, cursors, COPY.
use strict;
use warnings;
use utf8;
use DBI;
use DBD::Pg qw(:pg_types);
use Encode qw(decode_utf8 encode_utf8);
use JSON::PP;
use MIME::Base64;

my $json = JSON::PP->new->ascii->canonical->allow_nonref;
my @texts = map { decode_utf8(decode_base64($_)) } split /\n/, do { local $/; <STDIN> }, -1;
my ($host, $port, $name) = $ENV{DATABASE_URL} =~ m{@([^:]+):(\d+)/(\w+)};
my $db = DBI->connect("dbi:Pg:host=$host;port=$port;dbname=$name", 'postgres', '', { RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_server_prepare => $ARGV[0] eq 'server' ? 1 : 0 });
print $json->encode({ driver => 'DBD::Pg', version => "$DBD::Pg::VERSION" }), "\n";
my $columns = 'id, account_id, label, secret, pin, settings, raw, blob';
my $insert = "INSERT INTO vaults ($columns) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

# The row of a text: one value of it in a column of each type.
sub row {
    my ($id, $text) = @_;
    my $document = defined $text ? JSON::PP->new->canonical->encode({ value => $text, list => [1, JSON::PP::true, undef] }) : undef;
    return [$id, 1 + $id % 2, "row $id", $text, defined $text ? substr($text, 0, 40) : undef, $document, $document, defined $text ? \(encode_utf8($text) . "\xff\0'") : undef];
}
sub rows { my $id = shift; return map { row($id++, $_) } @texts, undef }

sub run {
    my ($sql, @values) = @_;
    my $statement = $db->prepare($sql);
    my $at = 0;
    for my $value (@values) {
        ref $value ? $statement->bind_param(++$at, $$value, { pg_type => PG_BYTEA }) : $statement->bind_param(++$at, $value);
    }
    my $count = $statement->execute;
    return ["$count", undef, undef] unless $statement->{NUM_OF_FIELDS};
    my @binary = map { $_ eq 'bytea' } @{ $statement->{pg_type} };
    my @found = map { my $record = $_; [map { defined $record->[$_] && $binary[$_] ? { bytes => unpack 'H*', $record->[$_] } : $record->[$_] } 0 .. $#$record] } @{ $statement->fetchall_arrayref };
    return ["$count", [$statement->{NAME}, $statement->{pg_type}, $statement->{PRECISION}], \@found];
}

sub fails {
    my $work = shift;
    return eval { $work->(); 1 } ? 'no error' : [$db->state, (split /\n/, $db->errstr)[0]];
}
sub step {
    my ($step, $work) = @_;
    my $got;
    if (!eval { $got = $work->(); 1 }) {
        print STDERR $@;
        $got = { error => { state => $db->state, message => $db->errstr } };
        $db->rollback unless $db->{AutoCommit};
        $db->{AutoCommit} = 1;
    }
    print $json->encode({ step => $step, got => $got }), "\n";
}

step('insert', sub { [map { run($insert, @$_) } rows(1)] });
step('read', sub {
    [run('SELECT * FROM vaults ORDER BY id'), run('SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = ?', 2), $db->selectall_hashref('SELECT id, secret FROM vaults', 'id'),
     $db->selectcol_arrayref('SELECT secret FROM vaults WHERE label = ANY(?) ORDER BY id', undef, ['row 1', 'row 3'])]
});
step('update', sub {
    [run('UPDATE vaults SET secret = ?, pin = ? WHERE id = ?', "it's \\ new", '1234', 1), run('UPDATE vaults SET settings = ? WHERE account_id = ? AND id = ?', '{"b": [1, "ü"]}', 1, 2),
     run('UPDATE vaults SET blob = ?, rank = rank + 1 WHERE id = ? RETURNING *', \"\0\x01\xfe", 3), run('UPDATE vaults SET secret = ? WHERE id = ?', undef, 4), run('UPDATE vaults SET secret = ? WHERE id = ?', 'x', 999),
     $db->do('UPDATE vaults SET secret = ' . $db->quote("it's \\ quoted") . ' WHERE id = 6')]
});
step('upsert', sub { run("$insert ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw", @{ row(2, 'upserted') }) });
step('transaction', sub {
    $db->begin_work;
    run('UPDATE vaults SET secret = ? WHERE id = 2', 'lost');
    my @seen = run('SELECT secret FROM vaults WHERE id = 2');
    $db->rollback;
    $db->begin_work;
    run('UPDATE vaults SET secret = ? WHERE id = 3', 'kept');
    $db->pg_savepoint('a');
    push @seen, fails(sub { run($insert, @{ row(1, 'again') }) }), fails(sub { run('SELECT secret FROM vaults') });
    $db->pg_rollback_to('a');
    $db->commit;
    [@seen, run('SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id')]
});
step('errors', sub {
    [map { my @query = @$_; fails(sub { run(@query) }) } (
        [$insert, @{ row(1, 'again') }], ['SELECT secret, nothing FROM vaults'], ['SELEC 1'], ['UPDATE vaults SET pin = ? WHERE id = 1', 'x' x 2001], ["INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', ?)", 's'],
        ['SELECT 1/0'], ['SELECT * FROM missing'])]
});
step('batch', sub {
    my $statement = $db->prepare('INSERT INTO vaults (id, account_id, label, secret, settings) VALUES (?, ?, ?, ?, ?)');
    my @all = rows(101);
    my $count = $statement->execute_array({ ArrayTupleStatus => \my @status }, map { my $at = $_; [map { $_->[$at] } @all] } 0 .. 3, 5);
    [$count, \@status, run('SELECT * FROM vaults WHERE id > 100 ORDER BY id'), run('SELECT id FROM vaults WHERE id = 101; ') ]
});
step('cursor', sub {
    $db->begin_work;
    $db->do('DECLARE c CURSOR FOR SELECT id, secret, settings FROM vaults ORDER BY id');
    my @seen = (run('FETCH 3 FROM c'), run('FETCH 100 FROM c'));
    $db->commit;
    \@seen
});
sub copied {
    my ($table, $list, @lines) = @_;
    $db->do("COPY $table ($list) FROM STDIN");
    $db->pg_putcopydata($_) for @lines;
    $db->pg_putcopyend;
    $db->do("COPY (SELECT $list FROM $table ORDER BY id DESC LIMIT 3) TO STDOUT (FORMAT csv)");
    my @out;
    my $line;
    push @out, $line while $db->pg_getcopydata($line) >= 0;
    return \@out;
}
step('copy', sub { copied('notes', 'id, body', "1\ta\n2\tb\\tc\n", "3\t\\N\n") });
step('delete', sub { [run('DELETE FROM vaults WHERE id = ? RETURNING secret', 5), run('DELETE FROM vaults WHERE id = ?', 5)] });
step('copy of the sealed table', sub { copied('vaults', 'id, account_id, label, secret, settings', "901\t1\tc1\tco\\\\p\\ty\t{\"a\": 1}\n902\t2\tc2\t\\N\t\\N\n") });
$db->disconnect;
