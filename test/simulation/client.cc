#include "client.h"

#include <errno.h>

#include "memory.h"
#include "report.h"

namespace conntrack::test {

Client::Client() : table_(World::current()->random.once_in(3) ? 1 : 0) {}

bool Client::open(napi_value of_class,
                  std::initializer_list<std::pair<const char*, JsValue*>> options) {
  Kernel& kernel = world().kernel;
  JsValue* given = node().make_object(options);
  JsValue* space = nullptr;
  if (table_ != 0) {
    JsValue* path = node().make(JsValue::string);
    path->text = "/ns/1";
    space = node().construct(node().net_namespace, path);
    if (!space || space->has("failure")) {
      HOLDS(kernel.has_ended(1) || memory::failures() > 0);
      if (space) node().drop(space);
      return false;
    }
    given->properties.emplace_back("netns", space);
  }
  const size_t before = kernel.sockets().size();
  object_ = node().construct(of_class, given);
  HOLDS(object_);
  sockets_ = {kernel.sockets().begin() + static_cast<long>(before), kernel.sockets().end()};
  if (space) {
    node().call(space, "close");
    node().drop(space);
  }
  if (!object_->has("failure")) return true;
  const Failed failure(object_->get("failure"));
  HOLDS(failure.error == ENOMEM ? memory::failures() > 0 : is_excused());
  node().drop(object_);
  object_ = nullptr;
  return false;
}

void Client::call(const char* method, std::initializer_list<JsValue*> arguments,
                  std::function<void(JsValue&)> then) {
  JsValue* result = node().call(object_, method, arguments);
  if (!result) {
    // No promise was made: all that can be refused is refused for want of memory.
    if (memory::failures() == 0) violated("%s() has thrown", method);
    return;
  }
  pending_++;
  node().await(result, [this, then](JsValue& value) {
    pending_--;
    then(value);
  });
}

bool Client::is_excused() const {
  if (memory::failures() > 0 || world().kernel.has_ended(table_)) return true;
  for (const auto& socket : sockets_) {
    if (socket->excused) return true;
  }
  return false;
}

bool Client::abandon() {
  if (!is_open()) return false;
  closing_ = true;
  node().drop(object_);
  return true;
}

Failed::Failed(const JsValue* failure) {
  if (!failure || failure->kind == JsValue::undefined) return;
  is = true;
  error = static_cast<int>(failure->number_of("errno"));
  by_kernel = !failure->has("syscall");
  unanswered = failure->has("unanswered");
}

MarkFilter::MarkFilter(Random& random)
    : is_any(random.once_in(2)),
      bit(static_cast<uint32_t>(random.below(2))),
      names_tuple(random.once_in(3)) {}

JsValue* MarkFilter::ask(Node& node) const {
  FilterRecord record = {};
  if (!is_any) record.present |= FILTER_MARK;
  record.mark = bit;
  record.mark_mask = 1;
  if (names_tuple) record.present |= FILTER_PROTOCOL;
  record.protocol = uapi::IPPROTO_UDP;
  return buffer_of(node, record);
}

JsValue* MarkFilter::filter(Node& node) const {
  return is_any && !names_tuple ? node.make(JsValue::undefined) : ask(node);
}

}  // namespace conntrack::test
