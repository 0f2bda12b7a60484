-- ctgitops: no transaction
drop index concurrently note_newest;
