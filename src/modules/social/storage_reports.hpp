// Reports in SQL.
#pragma once

#include "modules/social/storage.hpp"

namespace madang::social {

/// What is reported: exactly one of them.
struct ReportTarget {
  std::optional<Id> post;
  std::optional<Id> comment;
  std::optional<Id> user;
};

struct ReportRow {
  Id id = 0;
  Id reporter = 0;
  ReportTarget target;
  std::string reason;
  ReportState state = ReportState::open;
  Time created_at{};
  std::optional<Time> resolved_at;
};

/// The report's id, or that of the same person's open report of the same thing.
Id insert_report(db::Transaction& tx, const ReportRow& report);
std::optional<ReportRow> find_report(db::Transaction& tx, Id id);
/// Oldest first, after the given id.
std::vector<ReportRow> reports_in(db::Transaction& tx, ReportState state, Id after,
                                  std::int64_t limit);
/// All reports of the same thing are resolved with it.
void resolve_reports(db::Transaction& tx, const ReportTarget& target, ReportState state, Id admin,
                     Time now);
/// The open reports about a person; what was decided before stays as it was.
void resolve_open_reports(db::Transaction& tx, Id account, ReportState state, Id admin, Time now);
/// Author and text of what is reported, whatever its state.
struct ReportedContent {
  Id author = 0;
  std::string text;
  std::vector<media::View> media{};
};
struct ReportedContents {
  std::map<Id, ReportedContent> posts;
  std::map<Id, ReportedContent> comments;
};
/// Four statements for any number.
ReportedContents reported_contents(db::Transaction& tx, std::span<const ReportRow> reports);

}  // namespace madang::social
