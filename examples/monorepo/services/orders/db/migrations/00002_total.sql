-- +goose Up
-- +goose StatementBegin
create function total(price numeric, pieces int) returns numeric language sql immutable as $$
    select price * pieces;
$$;
-- +goose StatementEnd

-- +goose Down
drop function total(numeric, int);
