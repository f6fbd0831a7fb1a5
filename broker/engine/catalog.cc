#include "broker/engine/catalog.h"

#include "absl/strings/str_join.h"

namespace baton::engine {
namespace {

// Types and capabilities hold no blanks, so that the key is unique.
std::string ClassKey(const std::string& type, const Capabilities& required) {
  std::string key = type;
  for (const std::string& name : required) {
    key += ' ';
    key += name;
  }
  return key;
}

std::string OptionsKey(const ClaimOptions& options) { return ToRecord(options).SerializeAsString(); }

}  // namespace

Catalog::Interned Catalog::InternClass(const std::string& type, const Capabilities& required) {
  absl::MutexLock lock(&mu_);
  const auto [it, added] =
      class_numbers_.try_emplace(ClassKey(type, required), static_cast<ClassNumber>(classes_.size() + 1));
  if (added) classes_.push_back({type, required});
  return {it->second, added};
}

ClassNumber Catalog::FindClass(const std::string& type, const Capabilities& required) const {
  absl::ReaderMutexLock lock(&mu_);
  const auto it = class_numbers_.find(ClassKey(type, required));
  return it == class_numbers_.end() ? 0 : it->second;
}

Catalog::Interned Catalog::InternOptions(const ClaimOptions& options) {
  absl::MutexLock lock(&mu_);
  const auto [it, added] =
      options_numbers_.try_emplace(OptionsKey(options), static_cast<OptionsNumber>(options_.size() + 1));
  if (added) options_.push_back(options);
  return {it->second, added};
}

void Catalog::RestoreClass(ClassNumber number, ClassInfo info) {
  absl::MutexLock lock(&mu_);
  if (classes_.size() < number) classes_.resize(number);
  class_numbers_[ClassKey(info.type, info.required_capabilities)] = number;
  classes_[number - 1] = std::move(info);
}

void Catalog::RestoreOptions(OptionsNumber number, ClaimOptions options) {
  absl::MutexLock lock(&mu_);
  if (options_.size() < number) options_.resize(number);
  options_numbers_[OptionsKey(options)] = number;
  options_[number - 1] = std::move(options);
}

const ClassInfo& Catalog::Class(ClassNumber number) const {
  absl::ReaderMutexLock lock(&mu_);
  return classes_.at(number - 1);
}

const ClaimOptions& Catalog::OptionsAt(OptionsNumber number) const {
  absl::ReaderMutexLock lock(&mu_);
  return options_.at(number - 1);
}

bool Catalog::HasClass(ClassNumber number) const { return number > 0 && number <= class_count(); }

bool Catalog::HasOptions(OptionsNumber number) const {
  absl::ReaderMutexLock lock(&mu_);
  return number > 0 && number <= options_.size();
}

std::vector<ClassNumber> Catalog::ClassesOf(absl::string_view type) const {
  absl::ReaderMutexLock lock(&mu_);
  std::vector<ClassNumber> numbers;
  for (size_t i = 0; i < classes_.size(); ++i) {
    if (classes_[i].type == type) numbers.push_back(static_cast<ClassNumber>(i + 1));
  }
  return numbers;
}

uint32_t Catalog::class_count() const {
  absl::ReaderMutexLock lock(&mu_);
  return static_cast<uint32_t>(classes_.size());
}

}  // namespace baton::engine
