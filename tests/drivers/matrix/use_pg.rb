# ruby-pg: literals, parameters in text and binary, prepared statements, pipelines, single rows, COPY.
require "base64"
require "json"
require "pg"

TEXTS = $stdin.read.split("\n", -1).map { |line| Base64.decode64(line).force_encoding("UTF-8") }
COLUMNS = %w[id account_id label secret pin settings raw blob].freeze
INSERT = "INSERT INTO vaults (#{COLUMNS.join(', ')}) VALUES (#{(1..8).map { |number| "$#{number}" }.join(', ')})".freeze

# The row of a text: one value of it in a column of each type.
def row(id, text)
  document = text && JSON.generate({ value: text, list: [1, true, nil] })
  [id, 1 + id % 2, "row #{id}", text, text && text[0, 40], document, document, text && { value: "#{text}ÿ\0'".b, type: 17, format: 1 }]
end

def rows(first = 1) = [*TEXTS, nil].each_with_index.map { |text, index| row(first + index, text) }

def shown(value)
  case value
  when nil, true, false, Integer then value
  when String then value.encoding == Encoding::BINARY ? { bytes: value.unpack1("H*") } : value
  when Array then value.map { |inner| shown(inner) }
  when Hash then value.transform_values { |inner| shown(inner) }
  else [value.class, value.to_s]
  end
end

def error(caught)
  result = caught.result
  [caught.class, result.error_field(PG::Result::PG_DIAG_SQLSTATE), result.error_field(PG::Result::PG_DIAG_MESSAGE_PRIMARY), result.error_field(PG::Result::PG_DIAG_STATEMENT_POSITION)]
end

def step(name)
  got = begin
    yield
  rescue PG::Error => caught
    warn caught.full_message
    { error: { state: error(caught)[1], message: error(caught)[2] } }
  end
  puts JSON.generate({ step: name, got: shown(got) })
end

def fails
  yield
  "no error"
rescue PG::Error => caught
  error(caught)
end

puts JSON.generate({ driver: "ruby-pg", version: PG::VERSION })
CONNECTION = PG.connect(ENV.fetch("DATABASE_URL"))
CONNECTION.type_map_for_results = PG::BasicTypeMapForResults.new(CONNECTION)

def told(result) = [result.cmd_status, result.fields.each_index.map { |column| [result.fname(column), result.ftype(column), result.fmod(column), result.fformat(column)] }, result.values]
def run(sql, values = [], format = 0) = told(CONNECTION.exec_params(sql, values, format))

step("insert") { rows.map { |values| run(INSERT, values) } }
step("read") do
  [told(CONNECTION.exec("SELECT * FROM vaults ORDER BY id")), run("SELECT * FROM vaults WHERE id > $1 ORDER BY id", [1], 1), run("SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = $1", [2])]
end
step("prepared") do
  CONNECTION.prepare("one", "SELECT secret, pin, blob FROM vaults WHERE id = $1")
  described = CONNECTION.describe_prepared("one")
  [described.nparams, described.fields, (1..7).map { |id| told(CONNECTION.exec_prepared("one", [id], id % 2)) }]
end
step("update") do
  [run("UPDATE vaults SET secret = $1, pin = $2 WHERE id = $3", ["it's \\ new", "1234", 1]), run("UPDATE vaults SET settings = $1 WHERE account_id = $2 AND id = $3", ['{"b": [1, "ü"]}', 1, 2]),
   told(CONNECTION.exec("UPDATE vaults SET secret = '#{CONNECTION.escape_string("it's a literal")}', blob = '#{CONNECTION.escape_bytea("\0\x01\xfe".b)}', rank = rank + 1 WHERE id = 3 RETURNING *")), run("UPDATE vaults SET secret = $1 WHERE id = $2", [nil, 4]),
   run("UPDATE vaults SET secret = $1 WHERE id = $2", ["x", 999])]
end
step("upsert") { run("#{INSERT} ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw", row(2, "upserted")) }
step("transaction") do
  seen = []
  begin
    CONNECTION.transaction do
      run("UPDATE vaults SET secret = $1 WHERE id = 2", ["lost"])
      seen << run("SELECT secret FROM vaults WHERE id = 2")
      raise "roll back"
    end
  rescue RuntimeError
    seen << CONNECTION.transaction_status
  end
  CONNECTION.transaction do
    run("UPDATE vaults SET secret = $1 WHERE id = 3", ["kept"])
    CONNECTION.exec("SAVEPOINT a")
    seen << fails { run(INSERT, row(1, "again")) } << fails { run("SELECT secret FROM vaults") }
    CONNECTION.exec("ROLLBACK TO a")
  end
  [seen, run("SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id")]
end
step("errors") do
  [[INSERT, row(1, "again")], ["SELECT secret, nothing FROM vaults"], ["SELEC 1"], ["UPDATE vaults SET pin = $1 WHERE id = 1", ["x" * 2001]], ["UPDATE vaults SET settings = $1 WHERE id = 1", ["{bad"]],
   ["UPDATE vaults SET settings = '{bad' WHERE id = 1"], ["INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', $1)", ["s"]], ["SELECT 1/$1::int", [0]], ["SELECT * FROM missing"]].map { |query| fails { run(*query) } }
end
step("batch") do
  told(CONNECTION.exec(["BEGIN", *rows(101).map { |values| "INSERT INTO vaults (id, account_id, label, secret) VALUES (#{values[0]}, #{values[1]}, '#{values[2]}', #{values[3] ? CONNECTION.escape_literal(values[3]) : 'NULL'})" }, "COMMIT",
                        "SELECT id, secret FROM vaults WHERE id > 100 ORDER BY id"].join(";")))
end
step("pipeline") do
  CONNECTION.enter_pipeline_mode
  rows(201).each { |values| CONNECTION.send_query_params(INSERT, values) }
  (201..207).each { |id| CONNECTION.send_query_params("SELECT id, secret, blob FROM vaults WHERE id = $1", [id]) }
  CONNECTION.pipeline_sync
  CONNECTION.send_query_params("UPDATE vaults SET secret = $1 WHERE id = 201", ["lost"])
  CONNECTION.send_query_params(INSERT, row(1, "again"))
  CONNECTION.send_query_params("UPDATE vaults SET secret = $1 WHERE id = 202", ["skipped"])
  CONNECTION.pipeline_sync
  seen = []
  syncs = 0
  while syncs < 2
    result = CONNECTION.get_result or next
    seen << [result.res_status(result.result_status), result.error_field(PG::Result::PG_DIAG_SQLSTATE), result.values]
    syncs += 1 if result.result_status == PG::PGRES_PIPELINE_SYNC
  end
  CONNECTION.exit_pipeline_mode
  [seen, run("SELECT secret FROM vaults WHERE id IN (201, 202) ORDER BY id")]
end
step("cursor") do
  seen = []
  CONNECTION.send_query("SELECT id, secret, settings FROM vaults ORDER BY id")
  CONNECTION.set_single_row_mode
  CONNECTION.get_result.stream_each_row { |record| seen << record }
  CONNECTION.get_result
  CONNECTION.transaction do
    CONNECTION.exec("DECLARE c BINARY CURSOR FOR SELECT id, secret, blob FROM vaults ORDER BY id")
    seen << told(CONNECTION.exec("FETCH 2 FROM c")) << told(CONNECTION.exec("FETCH 3 FROM c"))
  end
  seen
end

def copied(table, list, lines)
  result = CONNECTION.copy_data("COPY #{table} (#{list}) FROM STDIN") { lines.each { |line| CONNECTION.put_copy_data(line) } }
  out = []
  CONNECTION.copy_data("COPY (SELECT #{list} FROM #{table} ORDER BY id DESC LIMIT 3) TO STDOUT (FORMAT csv)") do
    while (line = CONNECTION.get_copy_data) do out << line end
  end
  [result.cmd_status, out]
end

step("copy") { copied("notes", "id, body", ["1\ta\n2\tb\\t", "c\n3\t\\N\n"]) }
step("delete") { [run("DELETE FROM vaults WHERE id = $1 RETURNING secret", [5]), run("DELETE FROM vaults WHERE id = $1", [5])] }
step("copy of the sealed table") { copied("vaults", "id, account_id, label, secret, settings", ["901\t1\tc1\tco\\\\p\\ty\t{\"a\": 1}\n902\t2\tc2\t\\N\t\\N\n"]) }
CONNECTION.close
