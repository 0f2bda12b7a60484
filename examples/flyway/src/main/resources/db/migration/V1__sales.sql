create table sale (
    id bigint generated always as identity primary key,
    sold_at timestamptz not null,
    amount numeric(12, 2) not null
);
grant select on sale to ${reader};
