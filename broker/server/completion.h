// What the completion queue hands back: each asynchronous operation names the Completion to be told of its end.
#ifndef BATON_BROKER_SERVER_COMPLETION_H_
#define BATON_BROKER_SERVER_COMPLETION_H_

namespace baton::server {

class Completion {
 public:
  virtual ~Completion() = default;
  // Called on the completion queue's thread. `ok` is what the queue says: whether the operation took place.
  virtual void Proceed(bool ok) = 0;
};

// Calls a member function:
//   MemberCompletion<Call, &Call::OnFinished> finished_{this};
template <typename T, void (T::*kMember)(bool)>
class MemberCompletion final : public Completion {
 public:
  explicit MemberCompletion(T* object) : object_(object) {}
  void Proceed(bool ok) override { (object_->*kMember)(ok); }

 private:
  T* const object_;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_COMPLETION_H_
