create or replace view sales_by_month as
select date_trunc('month', sold_at) as month, sum(amount) as amount from sale group by 1;
