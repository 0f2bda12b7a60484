-- +goose Up
create table orders (
    id bigint generated always as identity primary key,
    customer bigint not null,
    placed_at timestamptz not null default now()
);

-- +goose Down
drop table orders;
