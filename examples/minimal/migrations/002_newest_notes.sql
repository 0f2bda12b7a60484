-- ctgitops: no transaction
create index concurrently note_newest on note (created_at desc);
