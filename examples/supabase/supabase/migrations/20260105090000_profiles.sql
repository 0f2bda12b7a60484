create table public.profiles (
    id uuid primary key references auth.users on delete cascade,
    display_name text
);
alter table public.profiles enable row level security;
create policy "owners read their profile" on public.profiles for select to authenticated using (id = auth.uid());
create policy "owners change their profile" on public.profiles for update to authenticated using (id = auth.uid());
