#pragma once

namespace fairlead {

// A place in at most one IntrusiveList. Inherit once per list that an object can be in, told apart
// by `Tag`; an object that is destroyed leaves its lists by itself.
template <typename Tag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  [[nodiscard]] bool linked() const { return next_ != this; }

  void unlink() {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }

 private:
  template <typename T, typename OfTag>
  friend class IntrusiveList;

  ListNode* previous_ = this;
  ListNode* next_ = this;
};

// A list that allocates nothing: its links live in the elements, which it does not own.
template <typename T, typename Tag>
class IntrusiveList {
 public:
  [[nodiscard]] bool empty() const { return !head_.linked(); }

  void pushBack(T& element) {
    ListNode<Tag>& node = element;
    node.unlink();
    node.previous_ = head_.previous_;
    node.next_ = &head_;
    head_.previous_->next_ = &node;
    head_.previous_ = &node;
  }

  [[nodiscard]] T* popFront() {
    if (empty()) return nullptr;
    ListNode<Tag>* node = head_.next_;
    node->unlink();
    return static_cast<T*>(node);
  }

  // Calls `visit` for each element, which may unlink that element, but no other.
  template <typename Visit>
  void forEach(Visit visit) {
    for (ListNode<Tag>* node = head_.next_; node != &head_;) {
      ListNode<Tag>* next = node->next_;
      visit(*static_cast<T*>(node));
      node = next;
    }
  }

  // Moves every element of `other` behind ours.
  void append(IntrusiveList& other) {
    while (T* element = other.popFront()) pushBack(*element);
  }

 private:
  ListNode<Tag> head_;
};

}  // namespace fairlead
