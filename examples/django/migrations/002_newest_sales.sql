create view newest_sales as
select sale.id, product.name, sale.sold_at
from shop_sale sale
join shop_product product on product.id = sale.product_id
where sale.sold_at > now() - interval '1 day';
