alter table sale drop column shop_id;
drop table shop;
