create table public.posts (
    id bigint generated always as identity primary key,
    author uuid not null references public.profiles on delete cascade,
    body text not null,
    created_at timestamptz not null default now()
);
create index posts_author on public.posts (author);
alter table public.posts enable row level security;
create policy "everybody reads posts" on public.posts for select using (true);
create policy "authors write posts" on public.posts for insert to authenticated with check (author = auth.uid());
