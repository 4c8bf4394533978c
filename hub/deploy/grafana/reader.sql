-- Grafana reads and cannot write. Run once, after the hub has made its tables:
--   docker compose exec -T postgres psql -U hub hub -v password="$(cat secrets/grafana-reader-password)" < grafana/reader.sql
CREATE ROLE grafana LOGIN PASSWORD :'password';
GRANT SELECT ON bins, epochs, known, drops, totals, hourly, corrections, reports, clones, presence, openings, dead_letters TO grafana;
