-- As printed_objects.sql; PostgreSQL 14 cannot create these.
create publication filtered for table accounts (id, kind, amount) where ((amount + 1) * 2 > 3 and kind <> 'x'),
    people where (score > 1);
create publication of_schema for tables in schema public;
create view secured with (security_invoker = on) as select id from accounts where kind = 'new';
create table nulls (a int, b int, unique nulls not distinct (a, b), check (a > 0 or b in (1, 2)));
