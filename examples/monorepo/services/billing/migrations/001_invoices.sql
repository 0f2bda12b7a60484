create table invoice (
    id bigint generated always as identity primary key,
    order_id bigint not null,
    amount numeric(12, 2) not null check (amount >= 0)
);
