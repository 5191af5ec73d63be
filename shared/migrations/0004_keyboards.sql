-- Which keyboards a controller has: the names of its build scripts without `.bash`, with commas between them.
-- NULL where nobody says; then its compiler decides.
ALTER TABLE controllers ADD COLUMN keyboards TEXT;
