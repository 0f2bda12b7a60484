create table shop (
    id bigint generated always as identity primary key,
    name text not null
);
alter table sale add column shop_id bigint references shop;
