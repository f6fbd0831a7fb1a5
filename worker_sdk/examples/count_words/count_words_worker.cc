// A worker that counts the words of a text corpus: `count_corpus` cuts it into chunks and spawns a `count_chunk` for
// each; when they have ended it merges what they found.
//
//   WORKER_ID=worker-1 CAPABILITIES=GPU,SSD count_words_worker     (both optional; broker: BATON_BROKER)
//   baton submit count_corpus --json '{"paths": ["/usr/share/common-licenses"], "top": 10}' --wait
//
// Payload of count_corpus, all optional: `paths` (files and folders), `top` (how many words to report, 20),
// `chunk_bytes` (262144), `pace_ms` (time that each chunk takes at least, 0; to have something to look at).
#include <baton/json.h>
#include <baton/worker.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "worker_sdk/examples/count_words/corpus.h"

namespace {

using baton::Error;
using baton::FinalError;
using baton::Outcome;
using count_words::Corpus;
using count_words::Counts;
using count_words::Segment;
using nlohmann::json;

// Small enough for the result of the worst text to stay below the limit of 1 MiB.
constexpr uint64_t kChunkBytes = 256 << 10;
constexpr uint64_t kMinChunkBytes = 4 << 10;

// Stage 0: one child for each chunk.
Outcome SpawnChunks(baton::Task& task, const json& input) {
  const auto paths = input.value("paths", std::vector<std::string>{"/usr/share/common-licenses", "/usr/include"});
  const uint64_t chunk_bytes = input.value("chunk_bytes", kChunkBytes);
  if (chunk_bytes < kMinChunkBytes || chunk_bytes > kChunkBytes) {
    return FinalError(absl::StrCat("chunk_bytes must be ", kMinChunkBytes, " to ", kChunkBytes, ", not ", chunk_bytes));
  }
  const absl::StatusOr<Corpus> corpus = count_words::CutCorpus(paths, chunk_bytes);
  if (!corpus.ok()) return FinalError(corpus.status());
  std::vector<baton::NewTask> children;
  for (const count_words::Chunk& chunk : corpus->chunks) {
    json segments = json::array();
    for (const Segment& segment : chunk) segments.push_back({segment.path, segment.offset, segment.bytes});
    children.push_back({.type = "count_chunk",
                        .payload = json{{"segments", std::move(segments)}, {"pace_ms", input.value("pace_ms", 0)}}});
  }
  task.Audit("corpus_cut", absl::StrCat(corpus->files, " files, ", corpus->chunks.size(), " chunks")).IgnoreError();
  return task.Next(std::move(children), json{{"files", corpus->files}, {"bytes", corpus->bytes}});
}

// Stage 1: merges what the children found.
Outcome MergeChunks(baton::Task& task, const json& input) {
  const absl::StatusOr<json> context = baton::ParseJson(task.context());
  if (!context.ok()) return FinalError(context.status());
  Counts counts;
  uint64_t words = 0;
  for (const baton::ChildOutcome& child : task.Children()) {
    if (child.state != baton::TaskState::kCompleted) {
      return FinalError(absl::StrCat("chunk ", child.index, " (task ", child.id, ") failed: ", child.error));
    }
    const absl::StatusOr<json> found = baton::ParseJson(child.result);
    if (!found.ok()) return FinalError(found.status());
    for (const auto& [word, count] : found->items()) {
      counts[word] += count.get<uint64_t>();
      words += count.get<uint64_t>();
    }
  }
  return json{{"files", (*context)["files"]},
              {"bytes", (*context)["bytes"]},
              {"words", words},
              {"distinct", counts.size()},
              {"top", count_words::MostFrequent(counts, input.value("top", 20))}};
}

Outcome CountCorpus(baton::Task& task) {
  const absl::StatusOr<json> input = baton::ParseJson(task.payload());
  if (!input.ok()) return FinalError(input.status());
  const json options = input->is_null() ? json::object() : *input;
  return task.stage() == 0 ? SpawnChunks(task, options) : MergeChunks(task, options);
}

Outcome CountChunk(baton::Task& task) {
  const absl::StatusOr<json> input = baton::ParseJson(task.payload());
  if (!input.ok()) return FinalError(input.status());
  Counts counts;
  const json& segments = (*input)["segments"];
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment segment{segments[i][0], segments[i][1], segments[i][2]};
    task.Progress(100.0 * static_cast<double>(i) / static_cast<double>(segments.size()), segment.path, "count")
        .IgnoreError();
    const absl::Status counted = count_words::CountWords(segment, &counts);
    if (!counted.ok()) return Error(counted);
  }
  if (task.WaitCancelled(absl::Milliseconds(input->value("pace_ms", 0)))) return Error(task.cancel_reason());
  return json(counts);
}

}  // namespace

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const char* worker_id = std::getenv("WORKER_ID");
  baton::Worker worker({.worker_id = worker_id != nullptr ? worker_id : ""});
  // The retries outlast a file that is being rewritten.
  const absl::Status used =
      worker.Use({{"count_corpus", {.handler = CountCorpus, .description = "counts the words of files and folders"}},
                  {"count_chunk",
                   {.handler = CountChunk,
                    .options = {.retry_interval = absl::Seconds(1), .retry_backoff = baton::RetryBackoff::kExponential},
                    .description = "counts the words of parts of files"}}});
  const char* capabilities = std::getenv("CAPABILITIES");
  const absl::Status configured = worker.Configure(
      {.max_concurrency = 2,
       .capabilities = absl::StrSplit(capabilities != nullptr ? capabilities : "", ',', absl::SkipEmpty())});
  if (!used.ok() || !configured.ok()) {
    baton::LogToStderr(baton::LogLevel::kError, absl::StrCat(used.ToString(), " ", configured.ToString()));
    return 2;
  }
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
