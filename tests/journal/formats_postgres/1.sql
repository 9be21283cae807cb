CREATE SCHEMA agentkit;
CREATE TABLE agentkit.event (
    run text NOT NULL, seq bigint NOT NULL, time float8 NOT NULL, type text NOT NULL,
    node text, version integer NOT NULL, data text NOT NULL, PRIMARY KEY (run, seq));
CREATE INDEX event_created ON agentkit.event (time) WHERE type = 'run.created';
CREATE TABLE agentkit.cache (key text PRIMARY KEY, data text NOT NULL);
CREATE TABLE agentkit.run (
    id text PRIMARY KEY, status text NOT NULL, owner text, epoch bigint NOT NULL,
    wake_at float8 NOT NULL) WITH (fillfactor = 70);
CREATE INDEX run_open ON agentkit.run (wake_at) WHERE status IN ('ready', 'running');
CREATE TABLE agentkit.worker (id text PRIMARY KEY, lease_until float8 NOT NULL)
    WITH (fillfactor = 70);
CREATE TABLE agentkit.format (version integer NOT NULL);
INSERT INTO agentkit.cache VALUES ('long', '{"$spilled":{"value":"00c6d2d8dfebb423cdc8971891adaf1fe8c23acbc16fde495eed7036f1a9e9b8"}}');
INSERT INTO agentkit.cache VALUES ('short', '{"value":{"a":1}}');
INSERT INTO agentkit.event VALUES ('20260101-000000-abcdef', 1, 1000000000.25, 'run.created', NULL, 1, '{"inputs":{},"$spilled":{"task":"c554f686bbf5c6a47cd1cc392b7c6271facaa3ab16165f165d6fe2e256edfe88"}}');
INSERT INTO agentkit.event VALUES ('20260101-000000-abcdef', 2, 1000000000.5, 'plan.patched', NULL, 1, '{"turn":0,"patch":{"add":[]},"source":"x = double(n=2)\n"}');
INSERT INTO agentkit.event VALUES ('20260101-000000-abcdef', 3, 1000000000.75, 'node.started', 'x', 1, '{"tool":"double","args":{"n":2}}');
INSERT INTO agentkit.event VALUES ('20260101-000000-abcdef', 4, 1000000001, 'effect.intent', 'x', 1, '{"key":"k"}');
INSERT INTO agentkit.event VALUES ('20260101-000000-abcdef', 5, 1000000001.25, 'effect.receipt', 'x', 1, '{"key":"k"}');
INSERT INTO agentkit.event VALUES ('20260101-000000-abcdef', 6, 1000000001.5, 'node.ended', 'x', 1, '{"status":"value","seconds":0.25,"attempts":1,"$spilled":{"value":"7a84c42e60eb5ae6b7ef21e5829d8b91f2d0caa3d88fc611e80699eaf588279d"}}');
INSERT INTO agentkit.event VALUES ('20260101-000000-abcdef', 7, 1000000001.75, 'run.ended', NULL, 1, '{"status":"cancelled","answer":null,"cites":[]}');
INSERT INTO agentkit.event VALUES ('20260101-000000-abcdef', 8, 1000000002, 'run.resumed', NULL, 1, '{}');
INSERT INTO agentkit.event VALUES ('20260101-000000-abcdef', 9, 1000000002.25, 'run.ended', NULL, 1, '{"status":"answered","answer":"4 \ud83d","cites":["x"]}');
INSERT INTO agentkit.format VALUES (1);
