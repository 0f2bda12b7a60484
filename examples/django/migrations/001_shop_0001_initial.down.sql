BEGIN;
--
-- Create model Sale
--
DROP TABLE "shop_sale" CASCADE;
--
-- Create model Product
--
DROP TABLE "shop_product" CASCADE;
COMMIT;
