-- The store, version 1; what later versions added is in the files beside this one. Durations are microseconds, sizes bytes, times
-- microseconds since 1970. Hot facts have columns; the whole record of a trial,
-- histograms included, is its JSON, so that nothing is lost between versions.

CREATE TABLE run (
    run_id TEXT PRIMARY KEY,
    study TEXT NOT NULL,
    study_toml TEXT NOT NULL,
    sets JSON NOT NULL,
    tool_version TEXT NOT NULL,
    argv JSON NOT NULL,
    target TEXT,
    quick INTEGER NOT NULL,
    host JSON NOT NULL,
    folder TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    ended_us INTEGER,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- The process that makes the run, so that one that vanished is noticed.
    owner JSON NOT NULL
);

CREATE TABLE trial (
    trial_id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES run,
    position INTEGER NOT NULL,
    stack TEXT NOT NULL,
    workload TEXT NOT NULL,
    workers INTEGER,
    clients INTEGER NOT NULL,
    keepalive INTEGER NOT NULL,
    parameters JSON NOT NULL,
    lock TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    boot_ms INTEGER,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    window_us INTEGER,
    started INTEGER,
    succeeded INTEGER,
    failed INTEGER,
    unfinished INTEGER,
    goodput_rps REAL,
    service_mean_us REAL,
    service_p95_us REAL,
    generator_cpu_share REAL,
    little_residual REAL,
    record JSON NOT NULL,
    UNIQUE (run_id, position)
);

CREATE TABLE failure_count (
    trial_id INTEGER NOT NULL REFERENCES trial,
    phase TEXT NOT NULL,
    cause TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (trial_id, phase, cause)
) WITHOUT ROWID;

CREATE INDEX trial_of_run ON trial (run_id, position);
