// The tables of the views.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client_cli/explanation.h"
#include "client_cli/text/table.h"
#include "client_cli/top/model.h"

namespace baton::cli::top {

struct ViewRows {
  std::string title;
  // Above the table.
  Details details;
  // Empty: there is no table.
  std::vector<std::string> header;
  std::vector<std::vector<Cell>> rows;
  // Stands for the rows where there are none.
  std::string empty_note;
};

ViewRows RowsOfView(const Model& model, absl::Time now, absl::TimeZone time_zone);

}  // namespace baton::cli::top
