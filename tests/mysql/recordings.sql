-- The acquisition's SQLite file, as its ORM creates it.
CREATE TABLE participants (id INTEGER NOT NULL, name VARCHAR, PRIMARY KEY (id));
CREATE INDEX ix_participants_id ON participants (id);
CREATE TABLE sessions (
  id INTEGER NOT NULL, session_date DATE, session_path VARCHAR, participant_id INTEGER,
  PRIMARY KEY (id), FOREIGN KEY (participant_id) REFERENCES participants (id));
CREATE INDEX ix_sessions_id ON sessions (id);
CREATE TABLE recordings (
  id INTEGER NOT NULL, session_id INTEGER, filename VARCHAR, recording_timestamp DATETIME, comment VARCHAR,
  config_file VARCHAR, should_process BOOLEAN, timestamp_spread INTEGER,
  PRIMARY KEY (id), FOREIGN KEY (session_id) REFERENCES sessions (id));
CREATE INDEX ix_recordings_id ON recordings (id);
CREATE TABLE imported (
  id INTEGER NOT NULL, session_id INTEGER, PRIMARY KEY (id), FOREIGN KEY (session_id) REFERENCES sessions (id));
CREATE INDEX ix_imported_id ON imported (id);
CREATE TABLE participant_fin (
  id INTEGER NOT NULL, participant_id INTEGER NOT NULL UNIQUE, fin VARCHAR NOT NULL, created_at DATETIME,
  updated_at DATETIME, PRIMARY KEY (id), FOREIGN KEY (participant_id) REFERENCES participants (id));
