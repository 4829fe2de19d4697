#include "store/schema.h"

#include <fmt/format.h>

namespace clavier::store {
namespace {

/// "CLAV": tells `file` and us whose database this is.
constexpr std::int64_t kApplicationId = 0x434C4156;

constexpr const char* kTables = R"sql(
CREATE TABLE step(
  id INTEGER PRIMARY KEY,
  time_us INTEGER NOT NULL,
  kind TEXT NOT NULL,
  trial INTEGER,
  launch INTEGER,
  iteration INTEGER,
  value REAL,
  seconds REAL,
  metrics TEXT,
  decisions TEXT,
  body TEXT
) STRICT;
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
)sql";

/// The JSON functions of SQLite before 3.42 refuse NaN and Infinity, so the views show null and
/// ±9e999 instead.
constexpr const char* kViews = R"sql(
CREATE VIEW clean_step AS
  SELECT id, time_us / 1e6 AS time_s, kind, trial, launch, iteration, value, seconds, decisions,
    replace(replace(replace(metrics, '": NaN', '": null'), '": Infinity', '": 9e999'),
      '": -Infinity', '": -9e999') AS metrics,
    replace(replace(replace(body, '": NaN', '": null'), '": Infinity', '": 9e999'),
      '": -Infinity', '": -9e999') AS body
  FROM step;
CREATE VIEW report AS
  SELECT id AS step, time_s, trial, launch, iteration, value, seconds, metrics,
    coalesce(body ->> 'late', 0) AS late
  FROM clean_step WHERE kind = 'report' AND trial IS NOT NULL
  UNION ALL
  SELECT s.id, s.time_s, r.value ->> 'trial', r.value ->> 'launch', r.value ->> 'step',
    r.value ->> 'value', r.value ->> 'seconds', r.value -> 'metrics', coalesce(s.body ->> 'late', 0)
  FROM clean_step s, json_each(s.body, '$.reports') r WHERE s.kind = 'report' AND s.trial IS NULL;
CREATE VIEW decision AS
  SELECT id AS step, time_s, 'continue' AS action, trial, CAST(decisions AS INTEGER) AS until,
    NULL AS reason
  FROM clean_step WHERE decisions IS NOT NULL AND decisions NOT LIKE '[%'
  UNION ALL
  SELECT s.id, s.time_s, d.value ->> 'action', d.value ->> 'trial', d.value ->> 'until',
    d.value ->> 'reason'
  FROM (SELECT id, time_s, replace(replace(replace(decisions, '": NaN', '": null'),
      '": Infinity', '": 9e999'), '": -Infinity', '": -9e999') AS decisions
    FROM clean_step WHERE decisions LIKE '[%') s, json_each(s.decisions) d;
CREATE VIEW trial AS
  SELECT c.id, c.directory, c.config, c.width, c.bracket, c.origin, c.created_s,
    coalesce(r.reports, 0) AS reports, r.iteration, r.min_value, r.max_value, r.seconds,
    e.exit, e.error, e.ended_s
  FROM (
    SELECT t.value ->> 'id' AS id, t.value ->> 'directory' AS directory,
      t.value -> 'config' AS config, coalesce(t.value ->> 'width', 1.0) AS width,
      coalesce(t.value ->> 'bracket', 0) AS bracket, t.value ->> 'origin' AS origin,
      s.time_s AS created_s
    FROM clean_step s, json_each(s.body, '$.created') t WHERE s.body LIKE '%"created": [%') c
  LEFT JOIN (
    SELECT trial, count(*) AS reports, max(iteration) AS iteration,
      min(CASE WHEN abs(value) < 9e999 THEN value END) AS min_value,
      max(CASE WHEN abs(value) < 9e999 THEN value END) AS max_value, sum(seconds) AS seconds
    FROM report WHERE NOT late GROUP BY trial) r ON r.trial = c.id
  LEFT JOIN (
    SELECT trial, max(id), body ->> 'exit' AS exit, body ->> 'error' AS error, time_s AS ended_s
    FROM clean_step WHERE kind = 'exited' GROUP BY trial) e ON e.trial = c.id;
)sql";

Status set_metric(Database& database, const std::string& metric) {
  Statement insert = TRY(database.prepare("INSERT OR REPLACE INTO meta VALUES('metric', ?)"));
  insert.bind(0, std::string_view(metric));
  return insert.step() == Statement::Outcome::kDone ? ok_status() : Status(database.failure());
}

Status create(Database& database, const std::string& metric) {
  TRY(database.run("BEGIN IMMEDIATE"));
  TRY(database.run(kTables));
  TRY(database.run(kViews));
  TRY(set_metric(database, metric));
  TRY(database.run(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str()));
  TRY(database.run(fmt::format("PRAGMA user_version = {}", kSchemaVersion).c_str()));
  return database.run("COMMIT");
}

}  // namespace

Result<std::string> check_schema(Database& database, const std::filesystem::path& file) {
  const auto number = [&](const char* sql) { return database.number(sql); };
  const std::int64_t tables = TRY(number("SELECT count(*) FROM sqlite_master"));
  const std::int64_t application = TRY(number("PRAGMA application_id"));
  const std::int64_t version = TRY(number("PRAGMA user_version"));
  if (tables == 0 && application == 0 && version == 0)
    return not_found(fmt::format("{} holds no study yet", file.string()));
  if (application != kApplicationId)
    return corrupt(fmt::format("{} is a database of another program", file.string()));
  if (version > kSchemaVersion)
    return invalid(
        fmt::format("{} was written by a newer Clavier (log version {}, this one reads up to {}); "
                    "update Clavier",
                    file.string(), version, kSchemaVersion));
  return database.text("SELECT value FROM meta WHERE key = 'metric'");
}

Status create_or_check_schema(Database& database, const std::filesystem::path& file,
                              const std::string& metric) {
  const auto written = check_schema(database, file);
  if (!written.ok() && written.error().code != ErrorCode::kNotFound) return written.error();
  if (!written.ok()) return create(database, metric);
  if (*written == metric) return ok_status();
  if (TRY(database.number("SELECT count(*) FROM (SELECT 1 FROM step LIMIT 1)")) == 0)
    return set_metric(database, metric);
  return invalid(
      fmt::format("{} was written for the metric \"{}\", not \"{}\"; give the study "
                  "another name, or start over (clavier run --fresh)",
                  file.string(), *written, metric));
}

}  // namespace clavier::store
