INSERT INTO virtual_keys VALUES (1, '<value>one</value>')
INSERT INTO virtual_keys VALUES (2, '<value>two</value>')
INSERT INTO virtual_keys VALUES (3, '<value>three</wrong> ')
SELECT count(*) = 0 AS skip_test FROM virtual_keys
SELECT * FROM virtual_keys
SELECT pg_input_is_valid('<value>one</value>', 'xml') FROM virtual_keys
SELECT pg_input_is_valid('<value>one</', 'xml') FROM virtual_keys
SELECT message FROM virtual_keys, pg_input_error_info('<value>one</', 'xml')
SELECT pg_input_is_valid('<?xml version="1.0" standalone="y"?><foo/>', 'xml') FROM virtual_keys
SELECT message FROM virtual_keys, pg_input_error_info('<?xml version="1.0" standalone="y"?><foo/>', 'xml')
SELECT xmlcomment('test') FROM virtual_keys
SELECT xmlcomment('-test') FROM virtual_keys
SELECT xmlcomment('test-') FROM virtual_keys
SELECT xmlcomment('--test') FROM virtual_keys
SELECT xmlcomment('te st') FROM virtual_keys
SELECT xmlconcat(xmlcomment('hello'), xmlelement(NAME qux, 'foo'), xmlcomment('world')) FROM virtual_keys
SELECT xmlconcat('hello', 'you') FROM virtual_keys
SELECT xmlconcat(1, 2) FROM virtual_keys
SELECT xmlconcat('bad', '<wrong></syntax> ') FROM virtual_keys
SELECT xmlconcat('<foo/>', NULL, '<?xml version="1.1" standalone="no"?><bar/>') FROM virtual_keys
SELECT xmlconcat('<?xml version="1.1"?><foo/>', NULL, '<?xml version="1.1" standalone="no"?><bar/>') FROM virtual_keys
SELECT xmlconcat(NULL) FROM virtual_keys
SELECT xmlconcat(NULL, NULL) FROM virtual_keys
SELECT xmlelement(name element, xmlattributes (1 as one, 'deuce' as two), 'content') FROM virtual_keys
SELECT xmlelement(name element, xmlattributes ('unnamed and wrong')) FROM virtual_keys
SELECT xmlelement(name element, xmlelement(name nested, 'stuff')) FROM virtual_keys
SELECT xmlelement(name employee, xmlforest(name, id, checks as pay)) FROM guardrails
SELECT xmlelement(name duplicate, xmlattributes(1 as a, 2 as b, 3 as a)) FROM virtual_keys
SELECT xmlelement(name num, 37) FROM virtual_keys
SELECT xmlelement(name foo, text 'bar') FROM virtual_keys
SELECT xmlelement(name foo, xml 'bar') FROM virtual_keys
SELECT xmlelement(name foo, text 'b<a/>r') FROM virtual_keys
SELECT xmlelement(name foo, xml 'b<a/>r') FROM virtual_keys
SELECT xmlelement(name foo, array[1, 2, 3]) FROM virtual_keys
SELECT xmlelement(name foo, bytea 'bar') FROM virtual_keys
SELECT xmlelement(name foo, xmlattributes(true as bar)) FROM virtual_keys
SELECT xmlelement(name foo, xmlattributes('2009-04-09 00:24:37'::timestamp as bar)) FROM virtual_keys
SELECT xmlelement(name foo, xmlattributes('infinity'::timestamp as bar)) FROM virtual_keys
SELECT xmlelement(name foo, xmlattributes('<>&"''' as funny, xml 'b<a/>r' as funnier)) FROM virtual_keys
SELECT xmlparse(content '') FROM virtual_keys
SELECT xmlparse(content ' ') FROM virtual_keys
SELECT xmlparse(content 'abc') FROM virtual_keys
SELECT xmlparse(content '<abc>x</abc>') FROM virtual_keys
SELECT xmlparse(content '<invalidentity>&</invalidentity>') FROM virtual_keys
SELECT xmlparse(content '<undefinedentity>&idontexist;</undefinedentity>') FROM virtual_keys
SELECT xmlparse(content '<invalidns xmlns=''&lt;''/>') FROM virtual_keys
SELECT xmlparse(content '<relativens xmlns=''relative''/>') FROM virtual_keys
SELECT xmlparse(content '<twoerrors>&idontexist;</unbalanced> ') FROM virtual_keys
SELECT xmlparse(content '<nosuchprefix:tag/>') FROM virtual_keys
SELECT xmlparse(document '!') FROM virtual_keys
SELECT xmlparse(document 'abc') FROM virtual_keys
SELECT xmlparse(document '<abc>x</abc>') FROM virtual_keys
SELECT xmlparse(document '<invalidentity>&</abc> ') FROM virtual_keys
SELECT xmlparse(document '<undefinedentity>&idontexist;</abc> ') FROM virtual_keys
SELECT xmlparse(document '<invalidns xmlns=''&lt;''/>') FROM virtual_keys
SELECT xmlparse(document '<relativens xmlns=''relative''/>') FROM virtual_keys
SELECT xmlparse(document '<twoerrors>&idontexist;</unbalanced> ') FROM virtual_keys
SELECT xmlparse(document '<nosuchprefix:tag/>') FROM virtual_keys
SELECT xmlpi(name foo) FROM virtual_keys
SELECT xmlpi(name xml) FROM virtual_keys
SELECT xmlpi(name xmlstuff) FROM virtual_keys
SELECT xmlpi(name foo, 'bar') FROM virtual_keys
SELECT xmlpi(name foo, 'in?>valid') FROM virtual_keys
SELECT xmlpi(name foo, null) FROM virtual_keys
SELECT xmlpi(name xml, null) FROM virtual_keys
SELECT xmlpi(name xmlstuff, null) FROM virtual_keys
SELECT xmlpi(name "xml-stylesheet", 'href="mystyle.css" type="text/css"') FROM virtual_keys
SELECT xmlpi(name foo, ' bar') FROM virtual_keys
SELECT xmlroot(xml '<foo/>', version no value, standalone no value) FROM virtual_keys
SELECT xmlroot(xml '<foo/>', version '2.0') FROM virtual_keys
SELECT xmlroot(xml '<foo/>', version no value, standalone yes) FROM virtual_keys
SELECT xmlroot(xml '<?xml version="1.1"?><foo/>', version no value, standalone yes) FROM virtual_keys
SELECT xmlroot(xmlroot(xml '<foo/>', version '1.0'), version '1.1', standalone no) FROM virtual_keys
SELECT xmlroot('<?xml version="1.1" standalone="yes"?><foo/>', version no value, standalone no) FROM virtual_keys
SELECT xmlroot('<?xml version="1.1" standalone="yes"?><foo/>', version no value, standalone no value) FROM virtual_keys
SELECT xmlroot('<?xml version="1.1" standalone="yes"?><foo/>', version no value) FROM virtual_keys
SELECT xmlroot ( xmlelement ( name gazonk, xmlattributes ( 'val' AS name, 1 + 1 AS num ), xmlelement ( NAME qux, 'foo' ) ), version '1.0', standalone yes ) FROM virtual_keys
SELECT xmlserialize(content name as character varying(20)) FROM virtual_keys
SELECT xmlserialize(content 'good' as char(10)) FROM virtual_keys
SELECT xmlserialize(document 'bad' as text) FROM virtual_keys
SELECT xmlserialize(DOCUMENT '<foo><bar><val x="y">42</val></bar></foo>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT '<foo><bar><val x="y">42</val></bar></foo>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT '<foo><bar><val x="y">42</val></bar></foo>' AS text NO INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT '<foo><bar><val x="y">42</val></bar></foo>' AS text NO INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT '<foo>73</foo><bar><val x="y">42</val></bar>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT '<foo>73</foo><bar><val x="y">42</val></bar>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT 'text node<foo>73</foo>text node<bar><val x="y">42</val></bar>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT 'text node<foo>73</foo>text node<bar><val x="y">42</val></bar>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT '<foo><bar><val x="y">42</val><val x="y">text node<val>73</val></val></bar></foo>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT '<foo><bar><val x="y">42</val><val x="y">text node<val>73</val></val></bar></foo>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT '' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT '' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT ' ' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT ' ' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT NULL AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT NULL AS text INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT '<?xml version="1.0" encoding="UTF-8"?><foo><bar><val>73</val></bar></foo>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT '<?xml version="1.0" encoding="UTF-8"?><foo><bar><val>73</val></bar></foo>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT '<!DOCTYPE a><a/>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT '<!DOCTYPE a><a/>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT '<foo><bar></bar></foo>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT '<foo><bar></bar></foo>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT '<foo><bar><val x="y">42</val></bar></foo>' AS text) = xmlserialize(DOCUMENT '<foo><bar><val x="y">42</val></bar></foo>' AS text NO INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT '<foo><bar><val x="y">42</val></bar></foo>' AS text) = xmlserialize(CONTENT '<foo><bar><val x="y">42</val></bar></foo>' AS text NO INDENT) FROM virtual_keys
SELECT xmlserialize(DOCUMENT '<foo> <bar></bar> </foo>' AS text INDENT) FROM virtual_keys
SELECT xmlserialize(CONTENT 'text node<foo> <bar></bar> </foo>' AS text INDENT) FROM virtual_keys
SELECT xml '<foo>bar</foo>' IS DOCUMENT FROM virtual_keys
SELECT xml '<foo>bar</foo><bar>foo</bar>' IS DOCUMENT FROM virtual_keys
SELECT xml '<abc/>' IS NOT DOCUMENT FROM virtual_keys
SELECT xml 'abc' IS NOT DOCUMENT FROM virtual_keys
SELECT '<>' IS NOT DOCUMENT FROM virtual_keys
SELECT xmlagg(name) FROM virtual_keys
SELECT xmlagg(name) FROM virtual_keys WHERE id > 10
SELECT xmlelement(name employees, xmlagg(xmlelement(name name, name))) FROM guardrails
SELECT xmlpi(name ":::_xml_abc135.%-&_") FROM virtual_keys
SELECT xmlpi(name "123") FROM virtual_keys
PREPARE foo (xml) AS SELECT xmlconcat('<foo/>', $1) FROM virtual_keys
SELECT xml '<!DOCTYPE a><a/><b/>' FROM virtual_keys
SELECT xml '<!-- in SQL:2006+ a doc is content too--> <?y z?> <!DOCTYPE a><a/>' FROM virtual_keys
SELECT xml '<?xml version="1.0"?> <!-- hi--> <!DOCTYPE a><a/>' FROM virtual_keys
SELECT xml '<!DOCTYPE a><a/>' FROM virtual_keys
SELECT xml '<!-- hi--> oops <!DOCTYPE a><a/>' FROM virtual_keys
SELECT xml '<!-- hi--> <oops/> <!DOCTYPE a><a/>' FROM virtual_keys
CREATE VIEW xmlview1 AS SELECT xmlcomment('test') FROM virtual_keys
CREATE VIEW xmlview2 AS SELECT xmlconcat('hello', 'you') FROM virtual_keys
CREATE VIEW xmlview3 AS SELECT xmlelement(name element, xmlattributes (1 as ":one:", 'deuce' as two), 'content&') FROM virtual_keys
CREATE VIEW xmlview4 AS SELECT xmlelement(name employee, xmlforest(name, id, checks as pay)) FROM guardrails
CREATE VIEW xmlview5 AS SELECT xmlparse(content '<abc>x</abc>') FROM virtual_keys
CREATE VIEW xmlview6 AS SELECT xmlpi(name foo, 'bar') FROM virtual_keys
CREATE VIEW xmlview7 AS SELECT xmlroot(xml '<foo/>', version no value, standalone yes) FROM virtual_keys
CREATE VIEW xmlview8 AS SELECT xmlserialize(content 'good' as char(10)) FROM virtual_keys
CREATE VIEW xmlview9 AS SELECT xmlserialize(content 'good' as text) FROM virtual_keys
CREATE VIEW xmlview10 AS SELECT xmlserialize(document '<foo><bar>42</bar></foo>' AS text indent) FROM virtual_keys
CREATE VIEW xmlview11 AS SELECT xmlserialize(document '<foo><bar>42</bar></foo>' AS character varying no indent) FROM virtual_keys
SELECT table_name, view_definition FROM virtual_keys, information_schema.views WHERE table_name LIKE 'xmlview%' ORDER BY 1
SELECT xpath('/value', name) FROM virtual_keys
SELECT xpath(NULL, NULL) IS NULL FROM virtual_keys
SELECT xpath('', '<!-- error -->') FROM virtual_keys
SELECT xpath('//text()', '<local:data xmlns:local="http://127.0.0.1"><local:piece id="1">number one</local:piece><local:piece id="2" /></local:data>') FROM virtual_keys
SELECT xpath('//loc:piece/@id', '<local:data xmlns:local="http://127.0.0.1"><local:piece id="1">number one</local:piece><local:piece id="2" /></local:data>', ARRAY[ARRAY['loc', 'http://127.0.0.1']]) FROM virtual_keys
SELECT xpath('//loc:piece', '<local:data xmlns:local="http://127.0.0.1"><local:piece id="1">number one</local:piece><local:piece id="2" /></local:data>', ARRAY[ARRAY['loc', 'http://127.0.0.1']]) FROM virtual_keys
SELECT xpath('//loc:piece', '<local:data xmlns:local="http://127.0.0.1" xmlns="http://127.0.0.2"><local:piece id="1"><internal>number one</internal><internal2/></local:piece><local:piece id="2" /></local:data>', ARRAY[ARRAY['loc', 'http://127.0.0.1']]) FROM virtual_keys
SELECT xpath('//b', '<a>one <b>two</b> three <b>etc</b></a>') FROM virtual_keys
SELECT xpath('//text()', '<root>&lt;</root>') FROM virtual_keys
SELECT xpath('//@value', '<root value="&lt;"/>') FROM virtual_keys
SELECT xpath('''<<invalid>>''', '<root/>') FROM virtual_keys
SELECT xpath('count(//*)', '<root><sub/><sub/></root>') FROM virtual_keys
SELECT xpath('count(//*)=0', '<root><sub/><sub/></root>') FROM virtual_keys
SELECT xpath('count(//*)=3', '<root><sub/><sub/></root>') FROM virtual_keys
SELECT xpath('name(/*)', '<root><sub/><sub/></root>') FROM virtual_keys
SELECT xpath('/nosuchtag', '<root/>') FROM virtual_keys
SELECT xpath('root', '<root/>') FROM virtual_keys
SELECT xpath('//namespace::foo', '<root xmlns:foo="http://127.0.0.1"/>') FROM virtual_keys
SELECT xmlexists('//town[text() = ''Toronto'']' PASSING BY REF '<towns><town>Bidford-on-Avon</town><town>Cwmbran</town><town>Bristol</town></towns>') FROM virtual_keys
SELECT xmlexists('//town[text() = ''Cwmbran'']' PASSING BY REF '<towns><town>Bidford-on-Avon</town><town>Cwmbran</town><town>Bristol</town></towns>') FROM virtual_keys
SELECT xmlexists('count(/nosuchtag)' PASSING BY REF '<root/>') FROM virtual_keys
SELECT xpath_exists('//town[text() = ''Toronto'']','<towns><town>Bidford-on-Avon</town><town>Cwmbran</town><town>Bristol</town></towns>'::xml) FROM virtual_keys
SELECT xpath_exists('//town[text() = ''Cwmbran'']','<towns><town>Bidford-on-Avon</town><town>Cwmbran</town><town>Bristol</town></towns>'::xml) FROM virtual_keys
SELECT xpath_exists('count(/nosuchtag)', '<root/>'::xml) FROM virtual_keys
INSERT INTO virtual_keys VALUES (4, '<menu><beers><name>Budvar</name><cost>free</cost><name>Carling</name><cost>lots</cost></beers></menu>'::xml)
INSERT INTO virtual_keys VALUES (5, '<menu><beers><name>Molson</name><cost>free</cost><name>Carling</name><cost>lots</cost></beers></menu>'::xml)
INSERT INTO virtual_keys VALUES (6, '<myns:menu xmlns:myns="http://myns.com"><myns:beers><myns:name>Budvar</myns:name><myns:cost>free</myns:cost><myns:name>Carling</myns:name><myns:cost>lots</myns:cost></myns:beers></myns:menu>'::xml)
INSERT INTO virtual_keys VALUES (7, '<myns:menu xmlns:myns="http://myns.com"><myns:beers><myns:name>Molson</myns:name><myns:cost>free</myns:cost><myns:name>Carling</myns:name><myns:cost>lots</myns:cost></myns:beers></myns:menu>'::xml)
SELECT COUNT(id) FROM virtual_keys WHERE xmlexists('/menu/beer' PASSING name)
SELECT COUNT(id) FROM virtual_keys WHERE xmlexists('/menu/beer' PASSING BY REF name BY REF)
SELECT COUNT(id) FROM virtual_keys WHERE xmlexists('/menu/beers' PASSING BY REF name)
SELECT COUNT(id) FROM virtual_keys WHERE xmlexists('/menu/beers/name[text() = ''Molson'']' PASSING BY REF name)
SELECT COUNT(id) FROM virtual_keys WHERE xpath_exists('/menu/beer',name)
SELECT COUNT(id) FROM virtual_keys WHERE xpath_exists('/menu/beers',name)
SELECT COUNT(id) FROM virtual_keys WHERE xpath_exists('/menu/beers/name[text() = ''Molson'']',name)
SELECT COUNT(id) FROM virtual_keys WHERE xpath_exists('/myns:menu/myns:beer',name,ARRAY[ARRAY['myns','http://myns.com']])
SELECT COUNT(id) FROM virtual_keys WHERE xpath_exists('/myns:menu/myns:beers',name,ARRAY[ARRAY['myns','http://myns.com']])
SELECT COUNT(id) FROM virtual_keys WHERE xpath_exists('/myns:menu/myns:beers/myns:name[text() = ''Molson'']',name,ARRAY[ARRAY['myns','http://myns.com']])
SELECT COUNT(id) FROM virtual_keys, query WHERE xmlexists(expr PASSING BY REF name)
SELECT xml_is_well_formed_document('<foo>bar</foo>') FROM virtual_keys
SELECT xml_is_well_formed_document('abc') FROM virtual_keys
SELECT xml_is_well_formed_content('<foo>bar</foo>') FROM virtual_keys
SELECT xml_is_well_formed_content('abc') FROM virtual_keys
SELECT xml_is_well_formed('abc') FROM virtual_keys
SELECT xml_is_well_formed('<>') FROM virtual_keys
SELECT xml_is_well_formed('<abc/>') FROM virtual_keys
SELECT xml_is_well_formed('<foo>bar</foo>') FROM virtual_keys
SELECT xml_is_well_formed('<foo>bar</foo') FROM virtual_keys
SELECT xml_is_well_formed('<foo><bar>baz</foo>') FROM virtual_keys
SELECT xml_is_well_formed('<local:data xmlns:local="http://127.0.0.1"><local:piece id="1">number one</local:piece><local:piece id="2" /></local:data>') FROM virtual_keys
SELECT xml_is_well_formed('<pg:foo xmlns:pg="http://postgresql.org/stuff">bar</my:foo>') FROM virtual_keys
SELECT xml_is_well_formed('<pg:foo xmlns:pg="http://postgresql.org/stuff">bar</pg:foo>') FROM virtual_keys
SELECT xml_is_well_formed('<invalidentity>&</abc>') FROM virtual_keys
SELECT xml_is_well_formed('<undefinedentity>&idontexist;</abc>') FROM virtual_keys
SELECT xml_is_well_formed('<invalidns xmlns=''&lt;''/>') FROM virtual_keys
SELECT xml_is_well_formed('<relativens xmlns=''relative''/>') FROM virtual_keys
SELECT xml_is_well_formed('<twoerrors>&idontexist;</unbalanced>') FROM virtual_keys
SELECT xpath('/*', '<invalidns xmlns=''&lt;''/>') FROM virtual_keys
SELECT xpath('/*', '<nosuchprefix:tag/>') FROM virtual_keys
SELECT xpath('/*', '<relativens xmlns=''relative''/>') FROM virtual_keys
SELECT XMLPARSE(DOCUMENT '<!DOCTYPE foo [<!ENTITY c SYSTEM "/etc/passwd">]><foo>&c;</foo>') FROM virtual_keys
SELECT XMLPARSE(DOCUMENT '<!DOCTYPE foo [<!ENTITY c SYSTEM "/etc/no.such.file">]><foo>&c;</foo>') FROM virtual_keys
SELECT XMLPARSE(DOCUMENT '<!DOCTYPE chapter PUBLIC "-//OASIS//DTD DocBook XML V4.1.2//EN" "http://www.oasis-open.org/docbook/xml/4.1.2/docbookx.dtd"><chapter>&nbsp;</chapter>') FROM virtual_keys
SELECT xmltable.* FROM (SELECT slug FROM configs) x, LATERAL XMLTABLE('/ROWS/ROW' PASSING slug COLUMNS id int PATH '@id', _id FOR ORDINALITY, country_name text PATH 'COUNTRY_NAME/text()' NOT NULL, country_id text PATH 'COUNTRY_ID', region_id int PATH 'REGION_ID', size float PATH 'SIZE', unit text PATH 'SIZE/@unit', premier_name text PATH 'PREMIER_NAME' DEFAULT 'not specified')
CREATE VIEW xmltableview1 AS SELECT xmltable.* FROM (SELECT slug FROM configs) x, LATERAL XMLTABLE('/ROWS/ROW' PASSING slug COLUMNS id int PATH '@id', _id FOR ORDINALITY, country_name text PATH 'COUNTRY_NAME/text()' NOT NULL, country_id text PATH 'COUNTRY_ID', region_id int PATH 'REGION_ID', size float PATH 'SIZE', unit text PATH 'SIZE/@unit', premier_name text PATH 'PREMIER_NAME' DEFAULT 'not specified')
SELECT * FROM virtual_keys, xmltableview1
EXPLAIN (COSTS OFF) SELECT * FROM virtual_keys, xmltableview1
EXPLAIN (COSTS OFF, VERBOSE) SELECT * FROM virtual_keys, xmltableview1
SELECT * FROM virtual_keys, XMLTABLE (ROW () PASSING null COLUMNS v1 timestamp) AS f (v1, v2)
SELECT * FROM virtual_keys, XMLTABLE (ROW () PASSING null COLUMNS v1 timestamp __pg__is_not_null 1) AS f (v1)
SELECT * FROM virtual_keys, XMLTABLE(XMLNAMESPACES('http://x.y' AS zz), '/zz:rows/zz:row' PASSING '<rows xmlns="http://x.y"><row><a>10</a></row></rows>' COLUMNS a int PATH 'zz:a')
CREATE VIEW xmltableview2 AS SELECT * FROM virtual_keys, XMLTABLE(XMLNAMESPACES('http://x.y' AS "Zz"), '/Zz:rows/Zz:row' PASSING '<rows xmlns="http://x.y"><row><a>10</a></row></rows>' COLUMNS a int PATH 'Zz:a')
SELECT * FROM virtual_keys, xmltableview2
SELECT * FROM virtual_keys, XMLTABLE(XMLNAMESPACES(DEFAULT 'http://x.y'), '/rows/row' PASSING '<rows xmlns="http://x.y"><row><a>10</a></row></rows>' COLUMNS a int PATH 'a')
SELECT * FROM virtual_keys, XMLTABLE('.' PASSING '<foo/>' COLUMNS a text PATH 'foo/namespace::node()')
PREPARE pp AS SELECT xmltable.* FROM (SELECT slug FROM configs) x, LATERAL XMLTABLE('/ROWS/ROW' PASSING slug COLUMNS id int PATH '@id', _id FOR ORDINALITY, country_name text PATH 'COUNTRY_NAME' NOT NULL, country_id text PATH 'COUNTRY_ID', region_id int PATH 'REGION_ID', size float PATH 'SIZE', unit text PATH 'SIZE/@unit', premier_name text PATH 'PREMIER_NAME' DEFAULT 'not specified')
SELECT xmltable.* FROM configs, LATERAL xmltable('/ROWS/ROW[COUNTRY_NAME="Japan" or COUNTRY_NAME="India"]' PASSING slug COLUMNS "COUNTRY_NAME" text, "REGION_ID" int)
SELECT xmltable.* FROM configs, LATERAL xmltable('/ROWS/ROW[COUNTRY_NAME="Japan" or COUNTRY_NAME="India"]' PASSING slug COLUMNS id FOR ORDINALITY, "COUNTRY_NAME" text, "REGION_ID" int)
SELECT xmltable.* FROM configs, LATERAL xmltable('/ROWS/ROW[COUNTRY_NAME="Japan" or COUNTRY_NAME="India"]' PASSING slug COLUMNS id int PATH '@id', "COUNTRY_NAME" text, "REGION_ID" int)
SELECT xmltable.* FROM configs, LATERAL xmltable('/ROWS/ROW[COUNTRY_NAME="Japan" or COUNTRY_NAME="India"]' PASSING slug COLUMNS id int PATH '@id')
SELECT xmltable.* FROM configs, LATERAL xmltable('/ROWS/ROW[COUNTRY_NAME="Japan" or COUNTRY_NAME="India"]' PASSING slug COLUMNS id FOR ORDINALITY)
SELECT xmltable.* FROM configs, LATERAL xmltable('/ROWS/ROW[COUNTRY_NAME="Japan" or COUNTRY_NAME="India"]' PASSING slug COLUMNS id int PATH '@id', "COUNTRY_NAME" text, "REGION_ID" int, rawdata xml PATH '.')
SELECT xmltable.* FROM configs, LATERAL xmltable('/ROWS/ROW[COUNTRY_NAME="Japan" or COUNTRY_NAME="India"]' PASSING slug COLUMNS id int PATH '@id', "COUNTRY_NAME" text, "REGION_ID" int, rawdata xml PATH './*')
SELECT * FROM virtual_keys, xmltable('/root' passing '<root><element>a1a<!-- aaaa -->a2a<?aaaaa?> <!--z--> bbbb<x>xxx</x>cccc</element></root>' COLUMNS element text)
SELECT * FROM virtual_keys, xmltable('/root' passing '<root><element>a1a<!-- aaaa -->a2a<?aaaaa?> <!--z--> bbbb<x>xxx</x>cccc</element></root>' COLUMNS element text PATH 'element/text()')
select * from virtual_keys, xmltable('d/r' passing '<d><r><c><![CDATA[<hello> &"<>!<a>foo</a>]]></c></r><r><c>2</c></r></d>' columns c text)
SELECT * FROM virtual_keys, xmltable('/x/a' PASSING '<x><a><ent>&apos;</ent></a><a><ent>&quot;</ent></a><a><ent>&amp;</ent></a><a><ent>&lt;</ent></a><a><ent>&gt;</ent></a></x>' COLUMNS ent text)
SELECT * FROM virtual_keys, xmltable('/x/a' PASSING '<x><a><ent>&apos;</ent></a><a><ent>&quot;</ent></a><a><ent>&amp;</ent></a><a><ent>&lt;</ent></a><a><ent>&gt;</ent></a></x>' COLUMNS ent xml)
EXPLAIN (VERBOSE, COSTS OFF) SELECT xmltable.* FROM (SELECT slug FROM configs) x, LATERAL XMLTABLE('/ROWS/ROW' PASSING slug COLUMNS id int PATH '@id', _id FOR ORDINALITY, country_name text PATH 'COUNTRY_NAME' NOT NULL, country_id text PATH 'COUNTRY_ID', region_id int PATH 'REGION_ID', size float PATH 'SIZE', unit text PATH 'SIZE/@unit', premier_name text PATH 'PREMIER_NAME' DEFAULT 'not specified')
SELECT xmltable.* FROM configs, LATERAL xmltable('/ROWS/ROW[COUNTRY_NAME="Japan" or COUNTRY_NAME="India"]' PASSING slug COLUMNS "COUNTRY_NAME" text, "REGION_ID" int) WHERE "COUNTRY_NAME" = 'Japan'
EXPLAIN (VERBOSE, COSTS OFF) SELECT f.* FROM configs, LATERAL xmltable('/ROWS/ROW[COUNTRY_NAME="Japan" or COUNTRY_NAME="India"]' PASSING slug COLUMNS "COUNTRY_NAME" text, "REGION_ID" int) AS f WHERE "COUNTRY_NAME" = 'Japan'
EXPLAIN (VERBOSE, FORMAT JSON, COSTS OFF) SELECT f.* FROM configs, LATERAL xmltable('/ROWS/ROW[COUNTRY_NAME="Japan" or COUNTRY_NAME="India"]' PASSING slug COLUMNS "COUNTRY_NAME" text, "REGION_ID" int) AS f WHERE "COUNTRY_NAME" = 'Japan'
SELECT xmltable.* FROM (SELECT slug FROM configs) x, LATERAL XMLTABLE('/ROWS/ROW' PASSING slug COLUMNS id int PATH '@id', _id FOR ORDINALITY, country_name text PATH 'COUNTRY_NAME' NOT NULL, country_id text PATH 'COUNTRY_ID', region_id int PATH 'REGION_ID', size float PATH 'SIZE', unit text PATH 'SIZE/@unit', premier_name text PATH 'PREMIER_NAME' DEFAULT 'not specified')
SELECT xmltable.* FROM (SELECT slug FROM configs) x, LATERAL XMLTABLE('/ROWS/ROW' PASSING slug COLUMNS id int PATH '@id', _id FOR ORDINALITY, country_name text PATH 'COUNTRY_NAME' NOT NULL, country_id text PATH 'COUNTRY_ID', region_id int PATH 'REGION_ID', size float PATH 'SIZE', unit text PATH 'SIZE/@unit', premier_name text PATH 'PREMIER_NAME' DEFAULT 'not specified') WHERE region_id = 2
EXPLAIN (VERBOSE, COSTS OFF) SELECT xmltable.* FROM (SELECT slug FROM configs) x, LATERAL XMLTABLE('/ROWS/ROW' PASSING slug COLUMNS id int PATH '@id', _id FOR ORDINALITY, country_name text PATH 'COUNTRY_NAME' NOT NULL, country_id text PATH 'COUNTRY_ID', region_id int PATH 'REGION_ID', size float PATH 'SIZE', unit text PATH 'SIZE/@unit', premier_name text PATH 'PREMIER_NAME' DEFAULT 'not specified') WHERE region_id = 2
SELECT xmltable.* FROM (SELECT slug FROM configs) x, LATERAL XMLTABLE('/ROWS/ROW' PASSING slug COLUMNS id int PATH '@id', _id FOR ORDINALITY, country_name text PATH 'COUNTRY_NAME' NOT NULL, country_id text PATH 'COUNTRY_ID', region_id int PATH 'REGION_ID', size float PATH 'SIZE' NOT NULL, unit text PATH 'SIZE/@unit', premier_name text PATH 'PREMIER_NAME' DEFAULT 'not specified')
SELECT xmltable.* FROM virtual_keys, xmltest2, LATERAL xmltable('/d/r' PASSING x COLUMNS a int PATH '' || lower(_path) || 'c')
SELECT xmltable.* FROM virtual_keys, xmltest2, LATERAL xmltable(('/d/r/' || lower(_path) || 'c') PASSING x COLUMNS a int PATH '.')
SELECT xmltable.* FROM virtual_keys, xmltest2, LATERAL xmltable(('/d/r/' || lower(_path) || 'c') PASSING x COLUMNS a int PATH 'x' DEFAULT ascii(_path) - 54)
SELECT * FROM virtual_keys, XMLTABLE('*' PASSING '<a>a</a>' COLUMNS a xml PATH '.', b text PATH '.', c text PATH '"hi"', d boolean PATH '. = "a"', e integer PATH 'string-length(.)')
SELECT * FROM virtual_keys, XMLTABLE('*' PASSING '<e>pre<!--c1--><?pi arg?><![CDATA[&ent1]]><n2>&amp;deep</n2>post</e>' COLUMNS x xml PATH '/e/n2', y xml PATH '/')
SELECT * FROM virtual_keys, XMLTABLE('.' PASSING XMLELEMENT(NAME a) columns a varchar(20) PATH '"<foo/>"', b xml PATH '"<foo/>"')
SELECT xmltext(NULL) FROM virtual_keys
SELECT xmltext('') FROM virtual_keys
SELECT xmltext(' ') FROM virtual_keys
SELECT xmltext('foo `$_-+?=*^%!|/\()[]{}') FROM virtual_keys
SELECT xmltext('foo & <"bar">') FROM virtual_keys
SELECT xmltext('x'|| '<P>73</P>'::xml || .42 || true || 'j'::char) FROM virtual_keys
SELECT JSON() FROM virtual_keys
SELECT JSON(NULL) FROM virtual_keys
SELECT JSON('{ "a" : 1 } ') FROM virtual_keys
SELECT JSON('{ "a" : 1 } ' FORMAT JSON) FROM virtual_keys
SELECT JSON('{ "a" : 1 } ' FORMAT JSON ENCODING UTF8) FROM virtual_keys
SELECT JSON('{ "a" : 1 } '::bytea FORMAT JSON ENCODING UTF8) FROM virtual_keys
SELECT pg_typeof(JSON('{ "a" : 1 } ')) FROM virtual_keys
SELECT JSON(' 1 '::json) FROM virtual_keys
SELECT JSON(' 1 '::jsonb) FROM virtual_keys
SELECT JSON(' 1 '::json WITH UNIQUE KEYS) FROM virtual_keys
SELECT JSON(123) FROM virtual_keys
SELECT JSON('{"a": 1, "a": 2}') FROM virtual_keys
SELECT JSON('{"a": 1, "a": 2}' WITH UNIQUE KEYS) FROM virtual_keys
SELECT JSON('{"a": 1, "a": 2}' WITHOUT UNIQUE KEYS) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON('123') FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON('123' FORMAT JSON) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON('123'::bytea FORMAT JSON) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON('123'::bytea FORMAT JSON ENCODING UTF8) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON('123' WITH UNIQUE KEYS) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON('123' WITHOUT UNIQUE KEYS) FROM virtual_keys
SELECT pg_typeof(JSON('123')) FROM virtual_keys
SELECT JSON_SCALAR() FROM virtual_keys
SELECT JSON_SCALAR(NULL) FROM virtual_keys
SELECT JSON_SCALAR(NULL::int) FROM virtual_keys
SELECT JSON_SCALAR(123) FROM virtual_keys
SELECT JSON_SCALAR(123.45) FROM virtual_keys
SELECT JSON_SCALAR(123.45::numeric) FROM virtual_keys
SELECT JSON_SCALAR(true) FROM virtual_keys
SELECT JSON_SCALAR(false) FROM virtual_keys
SELECT JSON_SCALAR(' 123.45') FROM virtual_keys
SELECT JSON_SCALAR('2020-06-07'::date) FROM virtual_keys
SELECT JSON_SCALAR('2020-06-07 01:02:03'::timestamp) FROM virtual_keys
SELECT JSON_SCALAR('{}'::json) FROM virtual_keys
SELECT JSON_SCALAR('{}'::jsonb) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_SCALAR(123) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_SCALAR('123') FROM virtual_keys
SELECT JSON_SERIALIZE() FROM virtual_keys
SELECT JSON_SERIALIZE(NULL) FROM virtual_keys
SELECT JSON_SERIALIZE(JSON('{ "a" : 1 } ')) FROM virtual_keys
SELECT JSON_SERIALIZE('{ "a" : 1 } ') FROM virtual_keys
SELECT JSON_SERIALIZE('1') FROM virtual_keys
SELECT JSON_SERIALIZE('1' FORMAT JSON) FROM virtual_keys
SELECT JSON_SERIALIZE('{ "a" : 1 } ' RETURNING bytea) FROM virtual_keys
SELECT JSON_SERIALIZE('{ "a" : 1 } ' RETURNING varchar) FROM virtual_keys
SELECT pg_typeof(JSON_SERIALIZE(NULL)) FROM virtual_keys
SELECT JSON_SERIALIZE('{ "a" : 1 } ' RETURNING jsonb) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_SERIALIZE('{}') FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_SERIALIZE('{}' RETURNING bytea) FROM virtual_keys
SELECT JSON_OBJECT() FROM virtual_keys
SELECT JSON_OBJECT(RETURNING json) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING json FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING jsonb) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING jsonb FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING text) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING text FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING text FORMAT JSON ENCODING UTF8) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING text FORMAT JSON ENCODING INVALID_ENCODING) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING bytea) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING bytea FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING bytea FORMAT JSON ENCODING UTF8) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING bytea FORMAT JSON ENCODING UTF16) FROM virtual_keys
SELECT JSON_OBJECT(RETURNING bytea FORMAT JSON ENCODING UTF32) FROM virtual_keys
SELECT JSON_OBJECT('foo': NULL::int FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT('foo': NULL::int FORMAT JSON ENCODING UTF8) FROM virtual_keys
SELECT JSON_OBJECT('foo': NULL::json FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT('foo': NULL::json FORMAT JSON ENCODING UTF8) FROM virtual_keys
SELECT JSON_OBJECT('foo': NULL::jsonb FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT('foo': NULL::jsonb FORMAT JSON ENCODING UTF8) FROM virtual_keys
SELECT JSON_OBJECT(NULL: 1) FROM virtual_keys
SELECT JSON_OBJECT('a': 2 + 3) FROM virtual_keys
SELECT JSON_OBJECT('a' VALUE 2 + 3) FROM virtual_keys
SELECT JSON_OBJECT('a' || 2: 1) FROM virtual_keys
SELECT JSON_OBJECT(('a' || 2) VALUE 1) FROM virtual_keys
SELECT JSON_OBJECT('a': 2::text) FROM virtual_keys
SELECT JSON_OBJECT('a' VALUE 2::text) FROM virtual_keys
SELECT JSON_OBJECT(1::text: 2) FROM virtual_keys
SELECT JSON_OBJECT((1::text) VALUE 2) FROM virtual_keys
SELECT JSON_OBJECT(json '[1]': 123) FROM virtual_keys
SELECT JSON_OBJECT(ARRAY[1,2,3]: 'aaa') FROM virtual_keys
SELECT JSON_OBJECT( 'a': '123', 1.23: 123, 'c': auth_config, 'd': jsonb '{ "x" : 123.45 }' ) FROM virtual_keys
SELECT JSON_OBJECT( 'a': '123', 1.23: 123, 'c': json '[ 1,true,{ } ]', 'd': jsonb '{ "x" : 123.45 }' RETURNING jsonb ) FROM virtual_keys
SELECT JSON_OBJECT('a': '123', 'b': JSON_OBJECT('a': 111, 'b': 'aaa')) FROM virtual_keys
SELECT JSON_OBJECT('a': '123', 'b': JSON_OBJECT('a': 111, 'b': 'aaa' RETURNING jsonb)) FROM virtual_keys
SELECT JSON_OBJECT('a': JSON_OBJECT('b': 1 RETURNING text)) FROM virtual_keys
SELECT JSON_OBJECT('a': JSON_OBJECT('b': 1 RETURNING text) FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT('a': JSON_OBJECT('b': 1 RETURNING bytea)) FROM virtual_keys
SELECT JSON_OBJECT('a': JSON_OBJECT('b': 1 RETURNING bytea) FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT('a': '1', 'b': NULL, 'c': 2) FROM virtual_keys
SELECT JSON_OBJECT('a': '1', 'b': NULL, 'c': 2 NULL ON NULL) FROM virtual_keys
SELECT JSON_OBJECT('a': '1', 'b': NULL, 'c': 2 ABSENT ON NULL) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '2': NULL, '3': 1, repeat('x', 1000): 1, 2: repeat('a', 100) WITH UNIQUE) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '1': NULL WITH UNIQUE) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '1': NULL ABSENT ON NULL WITH UNIQUE) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '1': NULL NULL ON NULL WITH UNIQUE RETURNING jsonb) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '1': NULL ABSENT ON NULL WITH UNIQUE RETURNING jsonb) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '2': NULL, '1': 1 NULL ON NULL WITH UNIQUE) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '2': NULL, '1': 1 ABSENT ON NULL WITH UNIQUE) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '2': NULL, '1': 1 ABSENT ON NULL WITHOUT UNIQUE) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '2': NULL, '1': 1 ABSENT ON NULL WITH UNIQUE RETURNING jsonb) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '2': NULL, '1': 1 ABSENT ON NULL WITHOUT UNIQUE RETURNING jsonb) FROM virtual_keys
SELECT JSON_OBJECT(1: 1, '2': NULL, '3': 1, 4: NULL, '5': 'a' ABSENT ON NULL WITH UNIQUE RETURNING jsonb) FROM virtual_keys
SELECT JSON_OBJECT('happy'::mood: '123'::jsonb) FROM virtual_keys
SELECT JSON_ARRAY() FROM virtual_keys
SELECT JSON_ARRAY(RETURNING json) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING json FORMAT JSON) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING jsonb) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING jsonb FORMAT JSON) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING text) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING text FORMAT JSON) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING text FORMAT JSON ENCODING UTF8) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING text FORMAT JSON ENCODING INVALID_ENCODING) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING bytea) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING bytea FORMAT JSON) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING bytea FORMAT JSON ENCODING UTF8) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING bytea FORMAT JSON ENCODING UTF16) FROM virtual_keys
SELECT JSON_ARRAY(RETURNING bytea FORMAT JSON ENCODING UTF32) FROM virtual_keys
SELECT JSON_ARRAY('aaa', 111, true, array[1,2,3], NULL, json '{"a": [1]}', jsonb '["a",3]') FROM virtual_keys
SELECT JSON_ARRAY('a', NULL, 'b' NULL ON NULL) FROM virtual_keys
SELECT JSON_ARRAY('a', NULL, 'b' ABSENT ON NULL) FROM virtual_keys
SELECT JSON_ARRAY(NULL, NULL, 'b' ABSENT ON NULL) FROM virtual_keys
SELECT JSON_ARRAY('a', NULL, 'b' NULL ON NULL RETURNING jsonb) FROM virtual_keys
SELECT JSON_ARRAY('a', NULL, 'b' ABSENT ON NULL RETURNING jsonb) FROM virtual_keys
SELECT JSON_ARRAY(NULL, NULL, 'b' ABSENT ON NULL RETURNING jsonb) FROM virtual_keys
SELECT JSON_ARRAY(JSON_ARRAY('{ "a" : 123 }' RETURNING text)) FROM virtual_keys
SELECT JSON_ARRAY(JSON_ARRAY('{ "a" : 123 }' FORMAT JSON RETURNING text)) FROM virtual_keys
SELECT JSON_ARRAY(JSON_ARRAY('{ "a" : 123 }' FORMAT JSON RETURNING text) FORMAT JSON) FROM virtual_keys
SELECT JSON_ARRAY(SELECT i FROM (VALUES (1), (2), (NULL), (4)) foo(i)) FROM virtual_keys
SELECT JSON_ARRAY(SELECT i FROM (VALUES (NULL::int[]), ('{1,2}'), (NULL), (NULL), ('{3,4}'), (NULL)) foo(i)) FROM virtual_keys
SELECT JSON_ARRAY(SELECT i FROM (VALUES (NULL::int[]), ('{1,2}'), (NULL), (NULL), ('{3,4}'), (NULL)) foo(i) RETURNING jsonb) FROM virtual_keys
SELECT JSON_ARRAY(SELECT i FROM (VALUES (3), (1), (NULL), (2)) foo(i) ORDER BY i) FROM virtual_keys
SELECT JSON_ARRAY(WITH x AS (SELECT 1) VALUES (TRUE)) FROM virtual_keys
SELECT JSON_ARRAY(SELECT FROM (VALUES (1)) foo(i)) FROM virtual_keys
SELECT JSON_ARRAY(SELECT i, i FROM (VALUES (1)) foo(i)) FROM virtual_keys
SELECT JSON_ARRAY(SELECT * FROM (VALUES (1, 2)) foo(i, j)) FROM virtual_keys
SELECT JSON_ARRAYAGG(i) IS NULL, JSON_ARRAYAGG(i RETURNING jsonb) IS NULL FROM virtual_keys, generate_series(1, 0) i
SELECT JSON_ARRAYAGG(i), JSON_ARRAYAGG(i RETURNING jsonb) FROM virtual_keys, generate_series(1, 5) i
SELECT JSON_ARRAYAGG(i ORDER BY i DESC) FROM virtual_keys, generate_series(1, 5) i
SELECT JSON_ARRAYAGG(i::text::json) FROM virtual_keys, generate_series(1, 5) i
SELECT JSON_ARRAYAGG(JSON_ARRAY(i, i + 1 RETURNING text) FORMAT JSON) FROM virtual_keys, generate_series(1, 5) i
SELECT JSON_ARRAYAGG(NULL), JSON_ARRAYAGG(NULL RETURNING jsonb) FROM virtual_keys, generate_series(1, 5)
SELECT JSON_ARRAYAGG(NULL NULL ON NULL), JSON_ARRAYAGG(NULL NULL ON NULL RETURNING jsonb) FROM virtual_keys, generate_series(1, 5)
SELECT JSON_ARRAYAGG(bar) as no_options, JSON_ARRAYAGG(bar RETURNING jsonb) as returning_jsonb, JSON_ARRAYAGG(bar ABSENT ON NULL) as absent_on_null, JSON_ARRAYAGG(bar ABSENT ON NULL RETURNING jsonb) as absentonnull_returning_jsonb, JSON_ARRAYAGG(bar NULL ON NULL) as null_on_null, JSON_ARRAYAGG(bar NULL ON NULL RETURNING jsonb) as nullonnull_returning_jsonb, JSON_ARRAYAGG(foo) as row_no_options, JSON_ARRAYAGG(foo RETURNING jsonb) as row_returning_jsonb, JSON_ARRAYAGG(foo ORDER BY bar) FILTER (WHERE bar > 2) as row_filtered_agg, JSON_ARRAYAGG(foo ORDER BY bar RETURNING jsonb) FILTER (WHERE bar > 2) as row_filtered_agg_returning_jsonb FROM virtual_keys, (VALUES (NULL), (3), (1), (NULL), (NULL), (5), (2), (4), (NULL)) foo(bar)
SELECT bar, JSON_ARRAYAGG(bar) FILTER (WHERE bar > 2) OVER (PARTITION BY foo.bar % 2) FROM virtual_keys, (VALUES (NULL), (3), (1), (NULL), (NULL), (5), (2), (4), (NULL), (5), (4)) foo(bar)
SELECT JSON_OBJECTAGG(NULL: 1) FROM virtual_keys
SELECT JSON_OBJECTAGG(NULL: 1 RETURNING jsonb) FROM virtual_keys
SELECT JSON_OBJECTAGG(i: i), JSON_OBJECTAGG(i: i RETURNING jsonb) FROM virtual_keys, generate_series(1, 5) i
SELECT JSON_OBJECTAGG(k: v), JSON_OBJECTAGG(k: v NULL ON NULL), JSON_OBJECTAGG(k: v ABSENT ON NULL), JSON_OBJECTAGG(k: v RETURNING jsonb), JSON_OBJECTAGG(k: v NULL ON NULL RETURNING jsonb), JSON_OBJECTAGG(k: v ABSENT ON NULL RETURNING jsonb) FROM virtual_keys, (VALUES (1, 1), (1, NULL), (2, NULL), (3, 3)) foo(k, v)
SELECT JSON_OBJECTAGG(k: v WITH UNIQUE KEYS) FROM virtual_keys, (VALUES (1, 1), (1, NULL), (2, 2)) foo(k, v)
SELECT JSON_OBJECTAGG(k: v ABSENT ON NULL WITH UNIQUE KEYS) FROM virtual_keys, (VALUES (1, 1), (1, NULL), (2, 2)) foo(k, v)
SELECT JSON_OBJECTAGG(k: v ABSENT ON NULL WITH UNIQUE KEYS) FROM virtual_keys, (VALUES (1, 1), (0, NULL), (3, NULL), (2, 2), (4, NULL)) foo(k, v)
SELECT JSON_OBJECTAGG(k: v WITH UNIQUE KEYS RETURNING jsonb) FROM virtual_keys, (VALUES (1, 1), (1, NULL), (2, 2)) foo(k, v)
SELECT JSON_OBJECTAGG(k: v ABSENT ON NULL WITH UNIQUE KEYS RETURNING jsonb) FROM virtual_keys, (VALUES (1, 1), (1, NULL), (2, 2)) foo(k, v)
SELECT JSON_OBJECTAGG(k: v ABSENT ON NULL WITH UNIQUE KEYS RETURNING jsonb) FROM virtual_keys, (VALUES (1, 1), (0, NULL),(4, null), (5, null),(6, null),(2, 2)) foo(k, v)
SELECT JSON_OBJECTAGG(mod(i,100): (i)::text FORMAT JSON WITH UNIQUE) FROM virtual_keys, generate_series(0, 199) i
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_OBJECT('foo' : '1' FORMAT JSON, 'bar' : 'baz' RETURNING json) FROM virtual_keys
CREATE VIEW json_object_view AS SELECT JSON_OBJECT('foo' : '1' FORMAT JSON, 'bar' : 'baz' RETURNING json) FROM virtual_keys
SELECT to_json(a) AS a, JSON_OBJECTAGG(k : v WITH UNIQUE KEYS) OVER (ORDER BY k) FROM virtual_keys, (VALUES (1,1), (2,2)) a(k,v)
SELECT to_json(a) AS a, JSON_OBJECTAGG(k : v WITH UNIQUE KEYS) OVER (ORDER BY k) FROM virtual_keys, (VALUES (1,1), (1,2), (2,2)) a(k,v)
SELECT to_json(a) AS a, JSON_OBJECTAGG(k : v ABSENT ON NULL WITH UNIQUE KEYS) OVER (ORDER BY k) FROM virtual_keys, (VALUES (1,1), (1,null), (2,2)) a(k,v)
SELECT to_json(a) AS a, JSON_OBJECTAGG(k : v ABSENT ON NULL) OVER (ORDER BY k) FROM virtual_keys, (VALUES (1,1), (1,null), (2,2)) a(k,v)
SELECT to_json(a) AS a, JSON_OBJECTAGG(k : v ABSENT ON NULL) OVER (ORDER BY k RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM virtual_keys, (VALUES (1,1), (1,null), (2,2)) a(k,v)
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_ARRAY('1' FORMAT JSON, 2 RETURNING json) FROM virtual_keys
CREATE VIEW json_array_view AS SELECT JSON_ARRAY('1' FORMAT JSON, 2 RETURNING json) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_OBJECTAGG(i: ('111' || i)::bytea FORMAT JSON WITH UNIQUE RETURNING text) FILTER (WHERE i > 3) FROM virtual_keys, generate_series(1,5) i
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_OBJECTAGG(i: ('111' || i)::bytea FORMAT JSON WITH UNIQUE RETURNING text) OVER (PARTITION BY i % 2) FROM virtual_keys, generate_series(1,5) i
CREATE VIEW json_objectagg_view AS SELECT JSON_OBJECTAGG(i: ('111' || i)::bytea FORMAT JSON WITH UNIQUE RETURNING text) FILTER (WHERE i > 3) FROM virtual_keys, generate_series(1,5) i
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_ARRAYAGG(('111' || i)::bytea FORMAT JSON NULL ON NULL RETURNING text) FILTER (WHERE i > 3) FROM virtual_keys, generate_series(1,5) i
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_ARRAYAGG(('111' || i)::bytea FORMAT JSON NULL ON NULL RETURNING text) OVER (PARTITION BY i % 2) FROM virtual_keys, generate_series(1,5) i
CREATE VIEW json_arrayagg_view AS SELECT JSON_ARRAYAGG(('111' || i)::bytea FORMAT JSON NULL ON NULL RETURNING text) FILTER (WHERE i > 3) FROM virtual_keys, generate_series(1,5) i
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_ARRAY(SELECT i FROM (VALUES (1), (2), (NULL), (4)) foo(i) RETURNING jsonb) FROM virtual_keys
CREATE VIEW json_array_subquery_view AS SELECT JSON_ARRAY(SELECT i FROM (VALUES (1), (2), (NULL), (4)) foo(i) RETURNING jsonb) FROM virtual_keys
SELECT NULL IS JSON FROM virtual_keys
SELECT NULL IS NOT JSON FROM virtual_keys
SELECT NULL::json IS JSON FROM virtual_keys
SELECT NULL::jsonb IS JSON FROM virtual_keys
SELECT NULL::text IS JSON FROM virtual_keys
SELECT NULL::bytea IS JSON FROM virtual_keys
SELECT NULL::int IS JSON FROM virtual_keys
SELECT '{"a":1}'::sqljson_mystr IS JSON FROM virtual_keys
SELECT JSON('{"a":1}'::sqljson_mystr WITH UNIQUE KEYS) FROM virtual_keys
SELECT '' IS JSON FROM virtual_keys
SELECT bytea '\x00' IS JSON FROM virtual_keys
INSERT INTO prompts VALUES (NULL), (''), ('123'), ('"aaa "'), ('true'), ('null'), ('[]'), ('[1, "2", {}]'), ('{}'), ('{ "a": 1, "b": null }'), ('{ "a": 1, "a": null }'), ('{ "a": 1, "b": [{ "a": 1 }, { "a": 2 }] }'), ('{ "a": 1, "b": [{ "a": 1, "b": 0, "a": 2 }] }'), ('aaa'), ('{a:1}'), ('["a",]')
SELECT template, template IS JSON "IS JSON", template IS NOT JSON "IS NOT JSON", template IS JSON VALUE "IS VALUE", template IS JSON OBJECT "IS OBJECT", template IS JSON ARRAY "IS ARRAY", template IS JSON SCALAR "IS SCALAR", template IS JSON WITHOUT UNIQUE KEYS "WITHOUT UNIQUE", template IS JSON WITH UNIQUE KEYS "WITH UNIQUE" FROM prompts
SELECT template, template IS JSON "IS JSON", template IS NOT JSON "IS NOT JSON", template IS JSON VALUE "IS VALUE", template IS JSON OBJECT "IS OBJECT", template IS JSON ARRAY "IS ARRAY", template IS JSON SCALAR "IS SCALAR", template IS JSON WITHOUT UNIQUE KEYS "WITHOUT UNIQUE", template IS JSON WITH UNIQUE KEYS "WITH UNIQUE" FROM (SELECT template::json FROM prompts WHERE template IS JSON) foo(template)
SELECT js0, template IS JSON "IS JSON", template IS NOT JSON "IS NOT JSON", template IS JSON VALUE "IS VALUE", template IS JSON OBJECT "IS OBJECT", template IS JSON ARRAY "IS ARRAY", template IS JSON SCALAR "IS SCALAR", template IS JSON WITHOUT UNIQUE KEYS "WITHOUT UNIQUE", template IS JSON WITH UNIQUE KEYS "WITH UNIQUE" FROM (SELECT template, template::bytea FROM prompts WHERE template IS JSON) foo(js0, template)
SELECT template, template IS JSON "IS JSON", template IS NOT JSON "IS NOT JSON", template IS JSON VALUE "IS VALUE", template IS JSON OBJECT "IS OBJECT", template IS JSON ARRAY "IS ARRAY", template IS JSON SCALAR "IS SCALAR", template IS JSON WITHOUT UNIQUE KEYS "WITHOUT UNIQUE", template IS JSON WITH UNIQUE KEYS "WITH UNIQUE" FROM (SELECT template::jsonb FROM prompts WHERE template IS JSON) foo(template)
SELECT JSON_SERIALIZE('{ "a" : 1 } ' RETURNING varchar(2)) FROM virtual_keys
SELECT JSON_OBJECT('a': JSON_OBJECT('b': 1 RETURNING varchar(2))) FROM virtual_keys
SELECT JSON_ARRAY(JSON_ARRAY('{ "a" : 123 }' RETURNING varchar(2))) FROM virtual_keys
SELECT JSON_ARRAYAGG(('111' || i)::bytea FORMAT JSON NULL ON NULL RETURNING varchar(2)) FROM virtual_keys, generate_series(1,1) i
SELECT JSON_OBJECTAGG(i: ('111' || i)::bytea FORMAT JSON WITH UNIQUE RETURNING varchar(2)) FROM virtual_keys, generate_series(1, 1) i
SELECT JSON_SERIALIZE('123' RETURNING sqljson_char2) FROM virtual_keys
SELECT JSON_SERIALIZE('12' RETURNING sqljson_char2) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_OBJECT('a': JSON_OBJECTAGG('b': volatile_one() RETURNING text) FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT('a': JSON_OBJECTAGG('b': volatile_one() RETURNING text) FORMAT JSON) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_OBJECT('a': JSON_OBJECTAGG('b': stable_one() RETURNING text) FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT('a': JSON_OBJECTAGG('b': stable_one() RETURNING text) FORMAT JSON) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_OBJECT('a': JSON_OBJECTAGG('b': 1 RETURNING text) FORMAT JSON) FROM virtual_keys
SELECT JSON_OBJECT('a': JSON_OBJECTAGG('b': 1 RETURNING text) FORMAT JSON) FROM virtual_keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT i % 2 AS g, JSON_ARRAYAGG(i ORDER BY i RETURNING jsonb) AS ja, JSON_ARRAYAGG(i ORDER BY i RETURNING text) AS ja_text, JSON_ARRAYAGG(i ORDER BY i NULL ON NULL RETURNING jsonb) AS ja_null, JSON_OBJECTAGG(i: i ABSENT ON NULL RETURNING jsonb) AS jo_absent, JSON_OBJECTAGG(i: i WITH UNIQUE RETURNING jsonb) AS jo_unique, row_number() OVER (ORDER BY i % 2) AS rn FROM virtual_keys, generate_series(1, 3) i GROUP BY i % 2
SELECT i % 2 AS g, JSON_ARRAYAGG(i ORDER BY i RETURNING jsonb) AS ja, JSON_ARRAYAGG(i ORDER BY i RETURNING text) AS ja_text, JSON_ARRAYAGG(i ORDER BY i NULL ON NULL RETURNING jsonb) AS ja_null, JSON_OBJECTAGG(i: i ABSENT ON NULL RETURNING jsonb) AS jo_absent, JSON_OBJECTAGG(i: i WITH UNIQUE RETURNING jsonb) AS jo_unique, row_number() OVER (ORDER BY i % 2) AS rn FROM virtual_keys, generate_series(1, 3) i GROUP BY i % 2
EXPLAIN (VERBOSE, COSTS OFF) SELECT JSON_ARRAYAGG(i NULL ON NULL RETURNING jsonb) OVER (ORDER BY i DESC) AS ja, row_number() OVER (ORDER BY i) AS rn FROM virtual_keys, generate_series(1, 3) i
SELECT JSON_ARRAYAGG(i NULL ON NULL RETURNING jsonb) OVER (ORDER BY i DESC) AS ja, row_number() OVER (ORDER BY i) AS rn FROM virtual_keys, generate_series(1, 3) i
EXPLAIN (VERBOSE, COSTS OFF) SELECT i % 2 AS g, JSON_ARRAYAGG(i RETURNING text) || random()::text AS ja FROM virtual_keys, generate_series(1, 3) i GROUP BY i % 2 ORDER BY count(*)
SELECT JSON_EXISTS(NULL::jsonb, '$') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '[]', '$') FROM virtual_keys
SELECT JSON_EXISTS(JSON_OBJECT(RETURNING jsonb), '$') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '1', '$') FROM virtual_keys
SELECT JSON_EXISTS(auth_config, '$') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '1', '$.a') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '1', 'strict $.a') FROM virtual_keys
SELECT JSON_EXISTS(auth_config, 'strict $.a' ERROR ON ERROR) FROM virtual_keys
SELECT JSON_EXISTS(jsonb 'null', '$.a') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '[]', '$.a') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '[1, "aaa", {"a": 1}]', 'strict $.a') FROM virtual_keys
SELECT JSON_EXISTS(auth_config, 'lax $.a') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '{}', '$.a') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '{"b": 1, "a": 2}', '$.a') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '1', '$.a.b') FROM virtual_keys
SELECT JSON_EXISTS(auth_config, '$.a.b') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '{"a": 1, "b": 2}', '$.a.b') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '{"a": 1, "b": 2}', '$.* ? (@ > $x)' PASSING 1 AS x) FROM virtual_keys
SELECT JSON_EXISTS(jsonb '{"a": 1, "b": 2}', '$.* ? (@ > $x)' PASSING '1' AS x) FROM virtual_keys
SELECT JSON_EXISTS(auth_config, '$.* ? (@ > $x && @ < $y)' PASSING 0 AS x, 2 AS y) FROM virtual_keys
SELECT JSON_EXISTS(jsonb '{"a": 1, "b": 2}', '$.* ? (@ > $x && @ < $y)' PASSING 0 AS x, 1 AS y) FROM virtual_keys
SELECT JSON_EXISTS(jsonb '1', '$ > 2') FROM virtual_keys
SELECT JSON_EXISTS(jsonb '1', '$.a > 2' ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(NULL::jsonb, '$') FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$') FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$' RETURNING int) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'true', '$') FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$' RETURNING bool) FROM virtual_keys
SELECT JSON_VALUE(jsonb '123', '$') FROM virtual_keys
SELECT JSON_VALUE(jsonb '123', '$' RETURNING int) + 234 FROM virtual_keys
SELECT JSON_VALUE(jsonb '123', '$' RETURNING text) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$' RETURNING bytea ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1.23', '$') FROM virtual_keys
SELECT JSON_VALUE(jsonb '1.23', '$' RETURNING int) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"1.23"', '$' RETURNING numeric) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$' RETURNING int ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$') FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$' RETURNING text) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$' RETURNING char(5)) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$' RETURNING char(2) ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$' RETURNING char(2)) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$' RETURNING char(3) ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$' RETURNING json) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$' RETURNING jsonb) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$' RETURNING json ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$' RETURNING jsonb ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"\"aaa\""', '$' RETURNING json) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$' RETURNING int) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$' RETURNING int ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"aaa"', '$' RETURNING int DEFAULT 111 ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$' RETURNING int) + 234 FROM virtual_keys
SELECT JSON_VALUE(jsonb '"2017-02-20"', '$' RETURNING date) + 9 FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$' RETURNING sqljsonb_int_not_null) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$' RETURNING sqljsonb_int_not_null ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$' RETURNING sqljsonb_int_not_null DEFAULT 2 ON EMPTY ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', '$.a' RETURNING sqljsonb_int_not_null DEFAULT 2 ON EMPTY ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', '$.a' RETURNING sqljsonb_int_not_null DEFAULT NULL ON EMPTY ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE('"purple"'::jsonb, 'lax $[*]' RETURNING rgb) FROM virtual_keys
SELECT JSON_VALUE('"purple"'::jsonb, 'lax $[*]' RETURNING rgb ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$') FROM virtual_keys
SELECT JSON_VALUE(jsonb '[]', '$' ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '{}', '$') FROM virtual_keys
SELECT JSON_VALUE(jsonb '{}', '$' ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$.a') FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', 'strict $.a' ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', 'strict $.a' DEFAULT 'error' ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', 'lax $.a' ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(auth_config, 'lax $.a' ERROR ON EMPTY ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', 'strict $.*' DEFAULT 2 ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', 'lax $.a' DEFAULT 2 ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', 'lax $.a' DEFAULT '2' ON EMPTY) FROM virtual_keys
SELECT JSON_VALUE(auth_config, 'lax $.a' NULL ON EMPTY DEFAULT '2' ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', 'lax $.a' DEFAULT '2' ON EMPTY DEFAULT '3' ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', 'lax $.a' ERROR ON EMPTY DEFAULT '3' ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '[1,2]', '$[*]' ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$[*]' DEFAULT '0' ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '[" "]', '$[*]' RETURNING int ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '[" "]', '$[*]' RETURNING int DEFAULT 2 + 3 ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '["1"]', '$[*]' RETURNING int DEFAULT 2 + 3 ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$[*]' RETURNING int FORMAT JSON) FROM virtual_keys
SELECT JSON_VALUE(jsonb '{}', '$.a' RETURNING numeric(4,1) DEFAULT 99999.999 ON EMPTY) FROM virtual_keys
SELECT JSON_VALUE(jsonb '{}', '$.a' RETURNING varchar(3) DEFAULT 'toolong'::varchar(10) ON EMPTY) FROM virtual_keys
SELECT JSON_VALUE(jsonb '{}', '$.a' RETURNING numeric(4,1) DEFAULT NULL::numeric ON EMPTY) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$.a' RETURNING bit(3) DEFAULT b'10101' ON EMPTY) FROM virtual_keys
SELECT JSON_VALUE(jsonb '{}', '$.a' RETURNING numeric(4,1) DEFAULT abs(NULL::numeric) ON EMPTY) FROM virtual_keys
SELECT JSON_VALUE(jsonb '["1"]', '$[*]' RETURNING record) FROM virtual_keys
SELECT x, JSON_VALUE( jsonb '{"a": 1, "b": 2}', '$.* ? (@ > $x)' PASSING x AS x RETURNING int DEFAULT -1 ON EMPTY DEFAULT -2 ON ERROR ) y FROM virtual_keys, generate_series(0, 2) x
SELECT JSON_VALUE(auth_config, '$a' PASSING point ' (1, 2 )' AS a) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$a' PASSING point ' (1, 2 )' AS a RETURNING point) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$a' PASSING point ' (1, 2 )' AS a RETURNING point ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$ts' PASSING timestamptz '2018-02-21 12:34:56 +10' AS ts) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$ts' PASSING timestamptz '2018-02-21 12:34:56 +10' AS ts RETURNING timestamptz) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$ts' PASSING timestamptz '2018-02-21 12:34:56 +10' AS ts RETURNING timestamp) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$ts' PASSING date '2018-02-21 12:34:56 +10' AS ts RETURNING date) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$ts' PASSING time '2018-02-21 12:34:56 +10' AS ts RETURNING time) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$ts' PASSING timetz '2018-02-21 12:34:56 +10' AS ts RETURNING timetz) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$ts' PASSING timestamp '2018-02-21 12:34:56 +10' AS ts RETURNING timestamp) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$ts' PASSING timestamptz '2018-02-21 12:34:56 +10' AS ts RETURNING json) FROM virtual_keys
SELECT JSON_VALUE(jsonb 'null', '$ts' PASSING timestamptz '2018-02-21 12:34:56 +10' AS ts RETURNING jsonb) FROM virtual_keys
select json_value('{"a": 1.234}', '$.a' returning int error on error) FROM virtual_keys
select json_value('{"a": "1.234"}', '$.a' returning int error on error) FROM virtual_keys
SELECT JSON_QUERY(js, '$') AS "unspec", JSON_QUERY(js, '$' WITHOUT WRAPPER) AS "without", JSON_QUERY(js, '$' WITH CONDITIONAL WRAPPER) AS "with cond", JSON_QUERY(js, '$' WITH UNCONDITIONAL ARRAY WRAPPER) AS "with uncond", JSON_QUERY(js, '$' WITH ARRAY WRAPPER) AS "with" FROM virtual_keys, (VALUES (jsonb 'null'), ('12.3'), ('true'), ('"aaa"'), ('[1, null, "2"]'), ('{"a": 1, "b": [2]}') ) foo(js)
SELECT JSON_QUERY(js, 'strict $[*]') AS "unspec", JSON_QUERY(js, 'strict $[*]' WITHOUT WRAPPER) AS "without", JSON_QUERY(js, 'strict $[*]' WITH CONDITIONAL WRAPPER) AS "with cond", JSON_QUERY(js, 'strict $[*]' WITH UNCONDITIONAL ARRAY WRAPPER) AS "with uncond", JSON_QUERY(js, 'strict $[*]' WITH ARRAY WRAPPER) AS "with" FROM virtual_keys, (VALUES (auth_config), ('[]'), ('[null]'), ('[12.3]'), ('[true]'), ('["aaa"]'), ('[[1, 2, 3]]'), ('[{"a": 1, "b": [2]}]'), ('[1, "2", null, [3]]') ) foo(js)
SELECT JSON_QUERY(jsonb '"aaa"', '$' RETURNING text) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"aaa"', '$' RETURNING text KEEP QUOTES) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"aaa"', '$' RETURNING text KEEP QUOTES ON SCALAR STRING) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$' RETURNING text OMIT QUOTES) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"aaa"', '$' RETURNING text OMIT QUOTES ON SCALAR STRING) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"aaa"', '$' OMIT QUOTES ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"aaa"', '$' RETURNING json OMIT QUOTES ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$' RETURNING bytea FORMAT JSON OMIT QUOTES ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"aaa"', '$' RETURNING char(3) ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"aaa"', '$' RETURNING char(3)) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"aaa"', '$' RETURNING char(3) OMIT QUOTES ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$.a' RETURNING char(2) OMIT QUOTES DEFAULT 'bb' ON EMPTY) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"aaa"', '$.a' RETURNING char(2) OMIT QUOTES DEFAULT '"bb"'::jsonb ON EMPTY) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1]', '$' WITH WRAPPER OMIT QUOTES) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1]', '$' WITH CONDITIONAL WRAPPER OMIT QUOTES) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$[*]' WITH CONDITIONAL WRAPPER KEEP QUOTES) FROM virtual_keys
SELECT JSON_QUERY(jsonb '["1"]', '$[*]' WITH UNCONDITIONAL WRAPPER KEEP QUOTES) FROM virtual_keys
SELECT JSON_QUERY(jsonb '["1"]', '$[*]' WITH WRAPPER KEEP QUOTES) FROM virtual_keys
SELECT JSON_QUERY(jsonb '["1"]', '$[*]' WITHOUT WRAPPER OMIT QUOTES) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$[*]' WITHOUT WRAPPER KEEP QUOTES) FROM virtual_keys
SELECT JSON_QUERY(jsonb'{"rec": "{1,2,3}"}', '$.rec' returning int[] omit quotes) FROM virtual_keys
SELECT JSON_QUERY(jsonb'{"rec": "{1,2,3}"}', '$.rec' returning int[] keep quotes) FROM virtual_keys
SELECT JSON_QUERY(jsonb'{"rec": "{1,2,3}"}', '$.rec' returning int[] keep quotes error on error) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$.rec' returning int4range omit quotes) FROM virtual_keys
SELECT JSON_QUERY(jsonb'{"rec": "[1,2]"}', '$.rec' returning int4range keep quotes) FROM virtual_keys
SELECT JSON_QUERY(jsonb'{"rec": "[1,2]"}', '$.rec' returning int4range keep quotes error on error) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"1"', '$' RETURNING qf_char_domain OMIT QUOTES ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"1"', '$' RETURNING qf_jsonb_domain OMIT QUOTES ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$[*]') FROM virtual_keys
SELECT JSON_QUERY(jsonb '[]', '$[*]' NULL ON EMPTY) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[]', '$[*]' EMPTY ON EMPTY) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[]', '$[*]' EMPTY ARRAY ON EMPTY) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$[*]' EMPTY OBJECT ON EMPTY) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[]', '$[*]' ERROR ON EMPTY) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[]', '$[*]' DEFAULT '"empty"' ON EMPTY) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[]', '$[*]' ERROR ON EMPTY NULL ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$[*]' ERROR ON EMPTY EMPTY ARRAY ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[]', '$[*]' ERROR ON EMPTY EMPTY OBJECT ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[]', '$[*]' ERROR ON EMPTY ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[]', '$[*]' ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$[*]' ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$[*]' DEFAULT '"empty"' ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$' RETURNING json) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$' RETURNING json FORMAT JSON) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$' RETURNING jsonb) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$' RETURNING jsonb FORMAT JSON) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$' RETURNING text) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$' RETURNING char(10)) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$' RETURNING text FORMAT JSON) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$' RETURNING bytea) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$' RETURNING bytea FORMAT JSON) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$[*]' RETURNING bytea EMPTY OBJECT ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$[*]' RETURNING bytea FORMAT JSON EMPTY OBJECT ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$[*]' RETURNING json EMPTY OBJECT ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2]', '$[*]' RETURNING jsonb EMPTY OBJECT ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[3,4]', '$[*]' RETURNING bigint[] EMPTY OBJECT ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$[*]' RETURNING bigint[] EMPTY OBJECT ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"123.1"', '$' RETURNING int2 error on error) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"123.1"', '$' RETURNING int4 error on error) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"123.1"', '$' RETURNING int8 error on error) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$' RETURNING bool error on error) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"123.1"', '$' RETURNING numeric error on error) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"123.1"', '$' RETURNING real error on error) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"123.1"', '$' RETURNING float8 error on error) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$' RETURNING int2 omit quotes error on error) FROM virtual_keys
SELECT JSON_QUERY(jsonb '"123.1"', '$' RETURNING float8 omit quotes error on error) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[3,4]', '$[*]' RETURNING anyarray EMPTY OBJECT ON ERROR) FROM virtual_keys
SELECT x, y, JSON_QUERY( jsonb '[1,2,3,4,5,null]', '$[*] ? (@ >= $x && @ <= $y)' PASSING x AS x, y AS y WITH CONDITIONAL WRAPPER EMPTY ARRAY ON EMPTY ) list FROM virtual_keys, generate_series(0, 4) x, generate_series(0, 4) y
SELECT JSON_QUERY(jsonb'{"rec": "(abc,42,01.02.2003)"}', '$.rec' returning comp_abc omit quotes) FROM virtual_keys
SELECT JSON_QUERY(jsonb'{"rec": "(abc,42,01.02.2003)"}', '$.rec' returning comp_abc keep quotes) FROM virtual_keys
SELECT JSON_QUERY(jsonb'{"rec": "(abc,42,01.02.2003)"}', '$.rec' returning comp_abc keep quotes error on error) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[{"a": 1, "b": "foo", "t": "aaa", "js": [1, "2", {}], "jb": {"x": [1, "2", {}]}}, {"a": 2}]', '$[0]' RETURNING sqljsonb_rec) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$[0]' RETURNING sqljsonb_rec ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[{"a": "a", "b": "foo", "t": "aaa", "js": [1, "2", {}], "jb": {"x": [1, "2", {}]}}, {"a": 2}]', '$[0]' RETURNING sqljsonb_rec) FROM virtual_keys
SELECT * FROM virtual_keys, unnest((JSON_QUERY(jsonb '{"jsa": [{"a": 1, "b": ["foo"]}, {"a": 2, "c": {}}, 123]}', '$' RETURNING sqljsonb_rec)).jsa)
SELECT * FROM virtual_keys, unnest((JSON_QUERY(jsonb '{"reca": [{"a": 1, "t": ["foo", []]}, {"a": 2, "jb": [{}, true]}]}', '$' RETURNING sqljsonb_reca)).reca)
SELECT JSON_QUERY(auth_config, '$[0]' RETURNING jsonpath) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[{"a": 1, "b": "foo", "t": "aaa", "js": [1, "2", {}], "jb": {"x": [1, "2", {}]}}, {"a": 2}]', '$[0]' RETURNING jsonpath ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2,null,"3"]', '$[*]' RETURNING int[] WITH WRAPPER) FROM virtual_keys
SELECT JSON_QUERY(jsonb '[1,2,null,"a"]', '$[*]' RETURNING int[] WITH WRAPPER ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$[*]' RETURNING int[] WITH WRAPPER) FROM virtual_keys
SELECT * FROM virtual_keys, unnest(JSON_QUERY(jsonb '[{"a": 1, "t": ["foo", []]}, {"a": 2, "jb": [{}, true]}]', '$' RETURNING sqljsonb_rec[]))
SELECT JSON_QUERY(jsonb '{"a": 1}', '$.a' RETURNING sqljsonb_int_not_null) FROM virtual_keys
SELECT JSON_QUERY(jsonb '{"a": 1}', '$.b' RETURNING sqljsonb_int_not_null) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$.b' RETURNING sqljsonb_int_not_null ERROR ON EMPTY ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb 'null', '$ts' PASSING timestamptz '2018-02-21 12:34:56 +10' AS ts) FROM virtual_keys
SELECT JSON_QUERY(jsonb 'null', '$ts' PASSING timestamptz '2018-02-21 12:34:56 +10' AS ts RETURNING json) FROM virtual_keys
SELECT JSON_QUERY(jsonb 'null', '$ts' PASSING timestamptz '2018-02-21 12:34:56 +10' AS ts RETURNING jsonb) FROM virtual_keys
SELECT check_clause FROM virtual_keys, information_schema.check_constraints WHERE constraint_name LIKE 'test_jsonb_constraint%' ORDER BY 1
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'test_jsonb_constraints'::regclass ORDER BY 1
INSERT INTO virtual_keys VALUES ('', 1)
INSERT INTO virtual_keys VALUES ('1', 1)
INSERT INTO virtual_keys VALUES ('[]')
INSERT INTO virtual_keys VALUES ('{"b": 1}', 1)
INSERT INTO virtual_keys VALUES ('{"a": 1}', 1)
INSERT INTO virtual_keys VALUES ('{"a": 10}', 1)
SELECT JSON_QUERY(js, '$' RETURNING int DEFAULT ret_setint() ON ERROR) FROM virtual_keys, test_jsonb_mutability
SELECT JSON_QUERY(js, '$' RETURNING int DEFAULT b + 1 ON ERROR) FROM virtual_keys, test_jsonb_mutability
SELECT JSON_QUERY(js, '$' RETURNING int DEFAULT sum(1) over() ON ERROR) FROM virtual_keys, test_jsonb_mutability
SELECT JSON_QUERY(js, '$' RETURNING int DEFAULT (SELECT 1) ON ERROR) FROM virtual_keys, test_jsonb_mutability
SELECT JSON_VALUE(jsonb '{"d1": "H"}', '$.a2' RETURNING queryfuncs_test_domain DEFAULT 'foo'::queryfuncs_test_domain ON EMPTY) FROM virtual_keys
SELECT JSON_VALUE(jsonb '{"d1": "H"}', '$.a2' RETURNING queryfuncs_test_domain DEFAULT 'foo1'::queryfuncs_test_domain ON EMPTY) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$.a2' RETURNING queryfuncs_test_domain DEFAULT '"foo1"'::jsonb::text ON EMPTY) FROM virtual_keys
SELECT JSON_VALUE(jsonb '{"d1": "foo"}', '$.a2' RETURNING queryfuncs_test_domain DEFAULT 'foo1'::queryfuncs_test_domain ON EMPTY) FROM virtual_keys
SELECT JSON_QUERY('"a"', '$.a' RETURNING int DEFAULT (SELECT '"1"')::jsonb ON ERROR) FROM virtual_keys
SELECT JSON_QUERY('"a"', '$.a' RETURNING queryfuncs_test_domain DEFAULT (select '"1"')::queryfuncs_test_domain ON ERROR) FROM virtual_keys
SELECT JSON_QUERY('"a"', '$.a' RETURNING int DEFAULT (SELECT 1)::oid::int ON ERROR) FROM virtual_keys
SELECT JSON_QUERY('"a"', '$.a' RETURNING int[] DEFAULT (SELECT '{1}')::oid[]::int[] ON ERROR) FROM virtual_keys
SELECT JSON_QUERY('"a"', '$.a' RETURNING int[] DEFAULT (SELECT '{1}')::text COLLATE "C" ON ERROR) FROM virtual_keys
SELECT JSON_QUERY('"a"', '$.a' RETURNING someparent DEFAULT (SELECT '(1)')::somechild::someparent ON ERROR) FROM virtual_keys
SELECT JSON_EXISTS(auth_config, '$' || '.' || 'a') FROM virtual_keys
SELECT JSON_VALUE(jsonb '{"a": 123}', '$' || '.' || 'a') FROM virtual_keys
SELECT JSON_VALUE(jsonb '{"a": 123}', '$' || '.' || 'b' DEFAULT 'foo' ON EMPTY) FROM virtual_keys
SELECT JSON_QUERY(jsonb '{"a": 123}', '$' || '.' || 'a') FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$' || '.' || 'a' WITH WRAPPER) FROM virtual_keys
SELECT JSON_QUERY(jsonb '{"a": 123}', ('$' || '.' || 'a' || NULL)::date WITH WRAPPER) FROM virtual_keys
SELECT JSON_QUERY(jsonb '{"a": 123}', 'error' || ' ' || 'error') FROM virtual_keys
SELECT JSON_EXISTS(json '{"a": 123}', '$' || '.' || 'a') FROM virtual_keys
SELECT JSON_QUERY(NULL FORMAT JSON, '$') FROM virtual_keys
SELECT json_value('"aaa"', path RETURNING json) FROM virtual_keys, jsonpaths
SELECT json_value('"aaa"', jsonpaths RETURNING json) FROM virtual_keys, jsonpaths
SELECT JSON_QUERY(auth_config, '$xyz' PASSING 1 AS xy) FROM virtual_keys
SELECT JSON_QUERY(jsonb 'null', '$xy' PASSING 1 AS xyz) FROM virtual_keys
SELECT JSON_QUERY(jsonb 'null', '$xyz' PASSING 1 AS xyz) FROM virtual_keys
SELECT JSON_QUERY(jsonb 'null', '$Xyz' PASSING 1 AS Xyz) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$Xyz' PASSING 1 AS "Xyz") FROM virtual_keys
SELECT JSON_QUERY(jsonb 'null', '$"Xyz"' PASSING 1 AS "Xyz") FROM virtual_keys
SELECT JSON_EXISTS(jsonb '1', '$' DEFAULT 1 ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1', '$' EMPTY ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$' TRUE ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '123', '$' RETURNING queryfuncs_char2 ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(auth_config, '$' RETURNING queryfuncs_char2 DEFAULT '1' ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '123', '$' RETURNING queryfuncs_char2_chk ERROR ON ERROR) FROM virtual_keys
SELECT JSON_QUERY(jsonb '123', '$' RETURNING queryfuncs_char2_chk DEFAULT '1' ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '123', '$' RETURNING queryfuncs_char2 ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$' RETURNING queryfuncs_char2 DEFAULT 1 ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '123', '$' RETURNING queryfuncs_char2_chk ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '123', '$' RETURNING queryfuncs_char2_chk DEFAULT 1 ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1234', '$' RETURNING queryfuncs_d_varbit3 DEFAULT '111111' ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1234', '$' RETURNING queryfuncs_d_varbit3 DEFAULT '010' ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1234', '$' RETURNING queryfuncs_d_varbit3 DEFAULT '01' ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(auth_config, '$' RETURNING bit(2) ERROR ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1234', '$' RETURNING bit(3) DEFAULT 1 ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '1234', '$' RETURNING bit(3) DEFAULT 1::bit(3) ON ERROR) FROM virtual_keys
SELECT JSON_VALUE(jsonb '"111"', '$.a' RETURNING bit(3) DEFAULT '1111' ON EMPTY) FROM virtual_keys
SELECT JSON_TABLE('[]', '$') FROM virtual_keys
SELECT * FROM virtual_keys, JSON_TABLE('[]', 'strict $.a' COLUMNS (js2 int PATH '$') DEFAULT 1 ON ERROR)
SELECT * FROM virtual_keys, JSON_TABLE('[]', 'strict $.a' COLUMNS (js2 int PATH '$') NULL ON ERROR)
SELECT * FROM virtual_keys, JSON_TABLE('[]', 'strict $.a' COLUMNS (js2 int PATH '$') EMPTY ON ERROR)
SELECT * FROM virtual_keys, JSON_TABLE('[]', 'strict $.a' COLUMNS (js2 int PATH '$') ERROR ON ERROR)
SELECT * FROM virtual_keys, JSON_TABLE(jsonb'"1.23"', '$.a' as js2 COLUMNS (js2 int path '$'))
SELECT * FROM virtual_keys, JSON_TABLE(NULL, '$' COLUMNS ())
SELECT * FROM virtual_keys, JSON_TABLE (NULL::jsonb, '$' COLUMNS (v1 timestamp)) AS f (v1, v2)
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$.a' COLUMNS (js2 int path '$', js2 int path '$'))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '{"rec": "(1,2)"}', '$' COLUMNS (id FOR ORDINALITY, comp comp path '$.rec' omit quotes)) jt
SELECT * FROM virtual_keys, JSON_TABLE(NULL::jsonb, '$' COLUMNS (foo int)) bar
SELECT * FROM virtual_keys, JSON_TABLE(jsonb'"1.23"', 'strict $.a' COLUMNS (js2 int PATH '$'))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '123', '$' COLUMNS (item int PATH '$', foo int)) bar
SELECT * FROM prompt_partials vals LEFT OUTER JOIN JSON_TABLE( vals.name::jsonb, 'lax $[*]' COLUMNS ( id FOR ORDINALITY, "int" int PATH '$', "text" text PATH '$', "char(4)" char(4) PATH '$', "bool" bool PATH '$', "numeric" numeric PATH '$', "domain" jsonb_test_domain PATH '$', name json PATH '$', jb jsonb PATH '$' ) ) jt ON true
SELECT * FROM prompt_partials vals LEFT OUTER JOIN JSON_TABLE( vals.name::jsonb, 'lax $[*]' COLUMNS ( id FOR ORDINALITY, jst text FORMAT JSON PATH '$', jsc char(4) FORMAT JSON PATH '$', jsv varchar(4) FORMAT JSON PATH '$', jsb jsonb FORMAT JSON PATH '$', jsbq jsonb FORMAT JSON PATH '$' OMIT QUOTES ) ) jt ON true
SELECT * FROM prompt_partials vals LEFT OUTER JOIN JSON_TABLE( vals.name::jsonb, 'lax $[*]' COLUMNS ( id FOR ORDINALITY, exists1 bool EXISTS PATH '$.aaa', exists2 int EXISTS PATH '$.aaa', exists3 int EXISTS PATH 'strict $.aaa' UNKNOWN ON ERROR, exists4 text EXISTS PATH 'strict $.aaa' FALSE ON ERROR ) ) jt ON true
SELECT * FROM prompt_partials vals LEFT OUTER JOIN JSON_TABLE( vals.name::jsonb, 'lax $[*]' COLUMNS ( id FOR ORDINALITY, aaa int, aaa1 int PATH '$.aaa', js2 json PATH '$', jsb2w jsonb PATH '$' WITH WRAPPER, jsb2q jsonb PATH '$' OMIT QUOTES, ia int[] PATH '$', ta text[] PATH '$', jba jsonb[] PATH '$' ) ) jt ON true
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '{"d1": "H"}', '$' COLUMNS (js1 jsonb_test_domain PATH '$.a2' DEFAULT '"foo1"'::jsonb::text ON EMPTY))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '{"d1": "H"}', '$' COLUMNS (js1 jsonb_test_domain PATH '$.a2' DEFAULT 'foo'::jsonb_test_domain ON EMPTY))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '{"d1": "H"}', '$' COLUMNS (js1 jsonb_test_domain PATH '$.a2' DEFAULT 'foo1'::jsonb_test_domain ON EMPTY))
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (js1 jsonb_test_domain PATH '$.d1' DEFAULT 'foo2'::jsonb_test_domain ON ERROR))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '{"d1": "foo"}', '$' COLUMNS (js1 oid[] PATH '$.d2' DEFAULT '{1}'::int[]::oid[] ON EMPTY))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '{}', '$' COLUMNS (c numeric(4,1) PATH '$.x' DEFAULT 99999.999 ON EMPTY))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '{}', '$' COLUMNS (c bit(3) PATH '$.x' DEFAULT b'10101' ON EMPTY))
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (c numeric(4,1) PATH '$.x' DEFAULT abs(NULL::numeric) ON EMPTY))
CREATE VIEW jsonb_table_view2 AS SELECT * FROM virtual_keys, JSON_TABLE( jsonb 'null', 'lax $[*]' PASSING 1 + 2 AS a, json '"foo"' AS "b c" COLUMNS ( "int" int PATH '$', "text" text PATH '$', "char(4)" char(4) PATH '$', "bool" bool PATH '$', "numeric" numeric PATH '$', "domain" jsonb_test_domain PATH '$'))
CREATE VIEW jsonb_table_view3 AS SELECT * FROM virtual_keys, JSON_TABLE( jsonb 'null', 'lax $[*]' PASSING 1 + 2 AS a, json '"foo"' AS "b c" COLUMNS ( js json PATH '$', jb jsonb PATH '$', jst text FORMAT JSON PATH '$', jsc char(4) FORMAT JSON PATH '$', jsv varchar(4) FORMAT JSON PATH '$'))
CREATE VIEW jsonb_table_view4 AS SELECT * FROM virtual_keys, JSON_TABLE( jsonb 'null', 'lax $[*]' PASSING 1 + 2 AS a, json '"foo"' AS "b c" COLUMNS ( jsb jsonb FORMAT JSON PATH '$', jsbq jsonb FORMAT JSON PATH '$' OMIT QUOTES, aaa int, aaa1 int PATH '$.aaa'))
CREATE VIEW jsonb_table_view5 AS SELECT * FROM virtual_keys, JSON_TABLE( auth_config, 'lax $[*]' PASSING 1 + 2 AS a, json '"foo"' AS "b c" COLUMNS ( exists1 bool EXISTS PATH '$.aaa', exists2 int EXISTS PATH '$.aaa' TRUE ON ERROR, exists3 text EXISTS PATH 'strict $.aaa' UNKNOWN ON ERROR))
CREATE VIEW jsonb_table_view6 AS SELECT * FROM virtual_keys, JSON_TABLE( jsonb 'null', 'lax $[*]' PASSING 1 + 2 AS a, json '"foo"' AS "b c" COLUMNS ( js2 json PATH '$', jsb2w jsonb PATH '$' WITH WRAPPER, jsb2q jsonb PATH '$' OMIT QUOTES, ia int[] PATH '$', ta text[] PATH '$', jba jsonb[] PATH '$'))
EXPLAIN (COSTS OFF, VERBOSE) SELECT * FROM virtual_keys, jsonb_table_view2
EXPLAIN (COSTS OFF, VERBOSE) SELECT * FROM virtual_keys, jsonb_table_view3
EXPLAIN (COSTS OFF, VERBOSE) SELECT * FROM virtual_keys, jsonb_table_view4
EXPLAIN (COSTS OFF, VERBOSE) SELECT * FROM virtual_keys, jsonb_table_view5
EXPLAIN (COSTS OFF, VERBOSE) SELECT * FROM virtual_keys, jsonb_table_view6
EXPLAIN (COSTS OFF, VERBOSE) SELECT * FROM virtual_keys, JSON_TABLE( jsonb 'null', 'lax $[*]' PASSING 1 + 2 AS a, json '"foo"' AS "b c" COLUMNS ( id FOR ORDINALITY, "int" int PATH '$', "text" text PATH '$' )) json_table_func
EXPLAIN (COSTS OFF, FORMAT JSON, VERBOSE) SELECT * FROM virtual_keys, JSON_TABLE( auth_config, 'lax $[*]' PASSING 1 + 2 AS a, json '"foo"' AS "b c" COLUMNS ( id FOR ORDINALITY, "int" int PATH '$', "text" text PATH '$' )) json_table_func
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '1', '$' COLUMNS (id FOR ORDINALITY, id2 FOR ORDINALITY, a int PATH '$.a' ERROR ON EMPTY)) jt
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (id FOR ORDINALITY, a int PATH '$' ERROR ON EMPTY)) jt
SELECT * FROM virtual_keys, (VALUES ('1'), ('"err"')) vals(js), JSON_TABLE(vals.js::jsonb, '$' COLUMNS (a int PATH '$')) jt
SELECT * FROM virtual_keys, (VALUES ('1'), ('"err"')) vals(js) LEFT OUTER JOIN JSON_TABLE(vals.js::jsonb, '$' COLUMNS (a int PATH '$' ERROR ON ERROR)) jt ON true
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (a int PATH '$.a' ERROR ON EMPTY)) jt
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '1', '$' COLUMNS (a int PATH 'strict $.a' ERROR ON ERROR) ERROR ON ERROR) jt
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '1', '$' COLUMNS (a int PATH 'lax $.a' ERROR ON EMPTY) ERROR ON ERROR) jt
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a int PATH '$' DEFAULT 1 ON EMPTY DEFAULT 2 ON ERROR)) jt
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (a int PATH 'strict $.a' DEFAULT 1 ON EMPTY DEFAULT 2 ON ERROR)) jt
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a int PATH 'lax $.a' DEFAULT 1 ON EMPTY DEFAULT 2 ON ERROR)) jt
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a int4 EXISTS PATH '$.a' ERROR ON ERROR))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a int4 EXISTS PATH '$' ERROR ON ERROR))
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (a int2 EXISTS PATH '$.a'))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a int8 EXISTS PATH '$.a'))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a float4 EXISTS PATH '$.a'))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a char(3) EXISTS PATH '$.a'))
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (a char(3) EXISTS PATH '$.a' ERROR ON ERROR))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a char(5) EXISTS PATH '$.a' ERROR ON ERROR))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a json EXISTS PATH '$.a'))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a jsonb EXISTS PATH '$.a'))
SELECT a, a::bool FROM virtual_keys, JSON_TABLE(jsonb '"a"', '$' COLUMNS (a dint4 EXISTS PATH '$.a' ))
SELECT a, a::bool FROM virtual_keys, JSON_TABLE(jsonb '{"a":1}', '$' COLUMNS (a dint4_0 EXISTS PATH '$.b'))
SELECT a, a::bool FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (a dint4_0 EXISTS PATH '$.b' ERROR ON ERROR))
SELECT a, a::bool FROM virtual_keys, JSON_TABLE(jsonb '{"a":1}', '$' COLUMNS (a dint4_0 EXISTS PATH '$.b' FALSE ON ERROR))
SELECT a, a::bool FROM virtual_keys, JSON_TABLE(jsonb '{"a":1}', '$' COLUMNS (a dint4_0 EXISTS PATH '$.b' TRUE ON ERROR))
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (item text PATH '$' KEEP QUOTES ON SCALAR STRING))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"world"', '$' COLUMNS (item text PATH '$' OMIT QUOTES ON SCALAR STRING))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"world"', '$' COLUMNS (item text FORMAT JSON PATH '$' KEEP QUOTES))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"world"', '$' COLUMNS (item text FORMAT JSON PATH '$' OMIT QUOTES))
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (item text FORMAT JSON PATH '$' WITHOUT WRAPPER KEEP QUOTES))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"world"', '$' COLUMNS (item text PATH '$' WITHOUT WRAPPER OMIT QUOTES))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"world"', '$' COLUMNS (item text FORMAT JSON PATH '$' WITH WRAPPER))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '"world"', '$' COLUMNS (item text PATH '$' WITH WRAPPER OMIT QUOTES))
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (item text FORMAT JSON PATH '$' WITH WRAPPER KEEP QUOTES))
SELECT * FROM virtual_keys, JSON_TABLE( jsonb '[1,2,3]', '$[*] ? (@ < $x)' PASSING 3 AS x COLUMNS (y text FORMAT JSON PATH '$') ) jt
SELECT * FROM virtual_keys, JSON_TABLE( jsonb '[1,2,3]', '$[*] ? (@ < $x)' PASSING 10 AS x, 3 AS y COLUMNS (a text FORMAT JSON PATH '$ ? (@ < $y)') ) jt
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '{"a": 123}', '$' || '.' || 'a' COLUMNS (foo int))
SELECT * FROM virtual_keys, JSON_TABLE('{"a": [{"b": "1"}, {"b": "2"}]}', '$' COLUMNS (b json path '$.a[*].b' ERROR ON ERROR))
SELECT * FROM virtual_keys, JSON_TABLE( jsonb '[]', '$' AS a COLUMNS ( b int, NESTED PATH '$' AS a COLUMNS ( c int ) ) ) jt
SELECT * FROM virtual_keys, JSON_TABLE( jsonb '[]', '$' AS a COLUMNS ( b int, NESTED PATH '$' AS n_a COLUMNS ( c int ) ) ) jt
SELECT * FROM virtual_keys, JSON_TABLE( jsonb '[]', '$' COLUMNS ( b int, NESTED PATH '$' AS b COLUMNS ( c int ) ) ) jt
SELECT * FROM virtual_keys, JSON_TABLE( auth_config, '$' COLUMNS ( NESTED PATH '$' AS a COLUMNS ( b int ), NESTED PATH '$' COLUMNS ( NESTED PATH '$' AS a COLUMNS ( c int ) ) ) ) jt
select jt.* from guardrails jtt, json_table ( jtt.checks,'strict $[*]' as p columns ( n for ordinality, a int path 'lax $.a' default -1 on empty, nested path 'strict $.b[*]' as pb columns (b_id for ordinality, b int path '$' ), nested path 'strict $.c[*]' as pc columns (c_id for ordinality, c int path '$' ) ) ) jt
SELECT * FROM virtual_keys, generate_series(1, 3) x, generate_series(1, 3) y, JSON_TABLE(auth_config, 'strict $[*] ? (@[*] <= $x)' PASSING x AS x, y AS y COLUMNS ( y text FORMAT JSON PATH '$', NESTED PATH 'strict $[*] ? (@ == $y)' COLUMNS ( z int PATH '$' ) ) ) jt
CREATE VIEW jsonb_table_view_nested AS SELECT * FROM virtual_keys, JSON_TABLE( jsonb 'null', 'lax $[*]' PASSING 1 + 2 AS a, json '"foo"' AS "b c" COLUMNS ( id FOR ORDINALITY, NESTED PATH '$[1]' AS p1 COLUMNS ( a1 int, NESTED PATH '$[*]' AS "p1 1" COLUMNS ( a11 text ), b1 text ), NESTED PATH '$[2]' AS p2 COLUMNS ( NESTED PATH '$[*]' AS "p2:1" COLUMNS ( a21 text ), NESTED PATH '$[*]' AS p22 COLUMNS ( a22 text ) ) ) )
INSERT INTO integrations VALUES ('{"a":{"za":[{"z1": [11,2222]},{"z21": [22, 234,2345]},{"z22": [32, 204,145]}]},"c": 3}'), ('{"a":{"za":[{"z1": [21,4222]},{"z21": [32, 134,1345]}]},"c": 10}')
SELECT sub.* FROM integrations, JSON_TABLE(name, '$' PASSING 32 AS x, 13 AS y COLUMNS ( xx int path '$.c', NESTED PATH '$.a.za[1]' columns (NESTED PATH '$.z21[*]' COLUMNS (z21 int path '$?(@ >= $"x")' ERROR ON ERROR)) )) sub
SELECT sub.* FROM integrations, (VALUES (23)) x(x), generate_series(13, 13) y, JSON_TABLE(name, '$' AS c1 PASSING x AS x, y AS y COLUMNS ( NESTED PATH '$.a.za[2]' COLUMNS ( NESTED PATH '$.z22[*]' as z22 COLUMNS (c int PATH '$')), NESTED PATH '$.a.za[1]' columns (d int[] PATH '$.z21'), NESTED PATH '$.a.za[0]' columns (NESTED PATH '$.z1[*]' as z1 COLUMNS (a int PATH '$')), xx1 int PATH '$.c', NESTED PATH '$.a.za[1]' columns (NESTED PATH '$.z21[*]' as z21 COLUMNS (b int PATH '$')), xx int PATH '$.c' )) sub
SELECT sub.* FROM integrations, (VALUES (23)) x(x), generate_series(13, 13) y, JSON_TABLE(name, '$' AS c1 PASSING x AS x, y AS y COLUMNS ( xx1 int PATH '$.c', NESTED PATH '$.a.za[0].z1[*]' COLUMNS (NESTED PATH '$ ?(@ >= ($"x" -2))' COLUMNS (a int PATH '$')), NESTED PATH '$.a.za[0]' COLUMNS (NESTED PATH '$.z1[*] ? (@ >= ($"x" -2))' COLUMNS (b int PATH '$')) )) sub
SELECT sub.* FROM integrations, (VALUES (23)) x(x), generate_series(13, 13) y, JSON_TABLE(name, '$' AS c1 PASSING x AS x, y AS y COLUMNS ( xx1 int PATH '$.c', NESTED PATH '$.a.za[1]' COLUMNS (NESTED PATH '$.z21[*]' COLUMNS (b int PATH '$')), NESTED PATH '$.a.za[1] ? (@.z21[*] >= ($"x"-1))' COLUMNS (NESTED PATH '$.z21[*] ? (@ >= ($"y" + 3))' as z22 COLUMNS (a int PATH '$ ? (@ >= ($"y" + 12))')), NESTED PATH '$.a.za[1]' COLUMNS (NESTED PATH '$.z21[*] ? (@ >= ($"y" +121))' as z21 COLUMNS (c int PATH '$ ? (@ > ($"x" +111))')) )) sub
SELECT sub.* FROM integrations, (values(23)) x(x), generate_series(13, 13) y, JSON_TABLE(name, '$' AS c1 PASSING x AS x, y AS y COLUMNS ( xx1 int PATH '$.c', NESTED PATH '$.a.za[2]' COLUMNS (NESTED PATH '$.z22[*]' as z22 COLUMNS (c int PATH '$')), NESTED PATH '$.a.za[1]' COLUMNS (d json PATH '$ ? (@.z21[*] == ($"x" -1))'), NESTED PATH '$.a.za[0]' COLUMNS (NESTED PATH '$.z1[*] ? (@ >= ($"x" -2))' as z1 COLUMNS (a int PATH '$')), NESTED PATH '$.a.za[1]' COLUMNS (NESTED PATH '$.z21[*] ? (@ >= ($"y" +121))' as z21 COLUMNS (b int PATH '$ ? (@ > ($"x" +111))' DEFAULT 0 ON EMPTY)) )) sub
CREATE OR REPLACE VIEW jsonb_table_view7 AS SELECT sub.* FROM integrations, (values(23)) x(x), generate_series(13, 13) y, JSON_TABLE(name, '$' AS c1 PASSING x AS x, y AS y COLUMNS ( xx1 int PATH '$.c', NESTED PATH '$.a.za[2]' COLUMNS (NESTED PATH '$.z22[*]' as z22 COLUMNS (c int PATH '$' WITHOUT WRAPPER OMIT QUOTES)), NESTED PATH '$.a.za[1]' COLUMNS (d json PATH '$ ? (@.z21[*] == ($"x" -1))' WITH WRAPPER), NESTED PATH '$.a.za[0]' COLUMNS (NESTED PATH '$.z1[*] ? (@ >= ($"x" -2))' as z1 COLUMNS (a int PATH '$' KEEP QUOTES)), NESTED PATH '$.a.za[1]' COLUMNS (NESTED PATH '$.z21[*] ? (@ >= ($"y" +121))' as z21 COLUMNS (b int PATH '$ ? (@ > ($"x" +111))' DEFAULT 0 ON EMPTY)) )) sub
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '1', '$' COLUMNS (a int exists empty object on empty))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '1', '$' COLUMNS (a int) NULL ON ERROR)
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '1', '$' COLUMNS (a int true on empty))
SELECT * FROM virtual_keys, JSON_TABLE(auth_config, '$' COLUMNS (a int omit quotes true on error))
SELECT * FROM virtual_keys, JSON_TABLE(jsonb '1', '$' COLUMNS (a int exists empty object on error))
CREATE VIEW json_table_view8 AS SELECT * from virtual_keys, JSON_TABLE('"a"', '$' COLUMNS (a text PATH '$'))
CREATE VIEW json_table_view9 AS SELECT * from virtual_keys, JSON_TABLE('"a"', '$' COLUMNS (a text PATH '$') ERROR ON ERROR)
CREATE VIEW json_table_view8 AS SELECT * from virtual_keys, JSON_TABLE('"a"', '$' COLUMNS (a text PATH '$') EMPTY ON ERROR)
CREATE VIEW json_table_view9 AS SELECT * from virtual_keys, JSON_TABLE('"a"', '$' COLUMNS (a text PATH '$') EMPTY ARRAY ON ERROR)
