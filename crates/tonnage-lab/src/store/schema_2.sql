-- Version 2: how a run measures, blocks and kinds of trials, what servers used.

ALTER TABLE run ADD COLUMN conditions JSON NOT NULL DEFAULT '{}';

ALTER TABLE trial ADD COLUMN block INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trial ADD COLUMN kind TEXT NOT NULL DEFAULT 'measure';
ALTER TABLE trial ADD COLUMN cell_number INTEGER;
ALTER TABLE trial ADD COLUMN verdict TEXT;
ALTER TABLE trial ADD COLUMN took_us INTEGER;
ALTER TABLE trial ADD COLUMN server_cpu_us INTEGER;
ALTER TABLE trial ADD COLUMN throttled_periods INTEGER;
ALTER TABLE trial ADD COLUMN throttled_us INTEGER;
ALTER TABLE trial ADD COLUMN memory_peak_bytes INTEGER;
ALTER TABLE trial ADD COLUMN oom_kills INTEGER;
ALTER TABLE trial ADD COLUMN respawned INTEGER;
