select count(*) = 0 from note;
