-- What retrieval/pgvector.c asks about a database: a row for each column of vectors in it, the best
-- one first. Parameters are what the URL says or null: table, id, vector, title, text. All values
-- are texts or null, names are quoted: they become parts of statements.
with options (nth, column_name, names, texts) as (values
  (1, $2::text, '{id,_id,doc_id,docid}'::name[], false),
  (2, $4::text, '{title,name,headline}', true),
  (3, $5::text, '{text,body,content,passage}', true)),
-- of each table the column with its id, its title, its text: the one that is named; else its
-- primary key's only one (the id), the first with a usual name (texts of a type for texts)
columns as (
  select distinct on (k.attrelid, o.nth) k.attrelid, o.nth, quote_ident(k.attname) as name,
    format_type(k.atttypid, -1) as type, t.typname, t.typcategory
  from options o
  join pg_attribute k on k.attnum > 0 and not k.attisdropped
  join pg_type t on t.oid = k.atttypid
  left join pg_index p on o.nth = 1 and p.indrelid = k.attrelid and p.indisprimary
    and p.indnkeyatts = 1 and p.indkey[0] = k.attnum
  where k.attname = o.column_name or o.column_name is null and (p.indrelid is not null
    or k.attname = any(o.names) and (t.typcategory = 'S' or not o.texts))
  order by k.attrelid, o.nth, p.indrelid is null, array_position(o.names, k.attname)),
-- of each column of vectors the index over all of its rows that suits cosines best
indexes as (
  select distinct on (p.indrelid, p.indkey[0]) p.indrelid, p.indkey[0] as attnum, am.amname,
    substring(o.opcname from '_(cosine|ip|l2)_ops$') as metric
  from pg_index p
  join pg_class c on c.oid = p.indexrelid
  join pg_am am on am.oid = c.relam
  join pg_opclass o on o.oid = p.indclass[0]
  where p.indisvalid and p.indpred is null and o.opcname ~ '_(cosine|ip|l2)_ops$'
  order by p.indrelid, p.indkey[0], o.opcname, am.amname)
select
  -- how well it fits what is named: 0 not, 1 it does, 2 and its table is found without its schema
  case when coalesce($1::text in (c.relname, n.nspname || '.' || c.relname), true)
    and coalesce(a.attname = $3::text, true) then 1 + pg_table_is_visible(c.oid)::int else 0
    end::text,
  format('%I.%I', n.nspname, c.relname),
  id.name, quote_ident(a.attname), title.name, body.name,
  -- the type of its vectors, with its schema and without
  format('%I.%I', tn.nspname, t.typname), t.typname::text,
  -- expressions for how many numbers they have, and how many rows there are
  case when a.atttypmod > 0 then a.atttypmod::text else format('(select %I.vector_dims(%I) from '
    '%I.%I where %2$I is not null limit 1)', tn.nspname, a.attname, n.nspname, c.relname) end,
  case when c.reltuples >= 1e6 then c.reltuples::int8::text else format('(select count(*) from '
    '(select from %I.%I where %I is not null and %s is not null limit 1000000) s)', n.nspname,
    c.relname, a.attname, id.name) end,
  -- the index, the number of its metric (imr_engine_metric), its operator
  coalesce(x.amname::text, ''),
  coalesce(array_position('{cosine,ip,l2}', x.metric), 0)::text,
  format('operator(%I.%s)', tn.nspname,
    case x.metric when 'ip' then '<#>' when 'l2' then '<->' else '<=>' end),
  id.type,
  -- a condition on the id that its index answers, for the texts in a JSON array, $1: those that are none of its
  -- type are passed over
  case when id.typname in ('int2', 'int4', 'int8') then format('%s = any(array(select x::int8 '
      'from json_array_elements_text($1::json) x where x ~ ''^-?[0-9]{1,18}$'' or x ~ ''^[1-9][0-9]{18}$'' '
      'and x collate "C" <= ''9223372036854775807''))', id.name)
    when id.typname = 'uuid' then format('%s = any(array(select x::uuid '
      'from json_array_elements_text($1::json) x '
      'where x ~ ''^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$''))', id.name)
    when id.typcategory = 'S' then format('%s = any(array(select x::%s '
      'from json_array_elements_text($1::json) x))', id.name, id.type)
    else 'true' end,
  -- can blocks of it be sampled? does an index go on where a filter leaves too little?
  (c.relkind in ('r', 'p', 'm'))::text,
  coalesce(v.extversion ~ '^(0\.([89]|[1-9][0-9])|[1-9])', false)::text,
  coalesce(left(obj_description(c.oid, 'pg_class'), 65536), '')
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
join pg_namespace tn on tn.oid = t.typnamespace
left join pg_extension v on v.extname = 'vector'
left join columns id on id.attrelid = c.oid and id.nth = 1
left join columns title on title.attrelid = c.oid and title.nth = 2
left join columns body on body.attrelid = c.oid and body.nth = 3
left join indexes x on x.indrelid = c.oid and x.attnum = a.attnum
where t.typname in ('vector', 'halfvec') and a.attnum > 0 and not a.attisdropped
  and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by 1 desc, 2, 4
limit 1000
