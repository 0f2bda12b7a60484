drop view newest_sales;
