/**
 * Weak references from an owner to the objects that end with it. The owner does not keep an
 * object alive that its users have dropped.
 */
export class Dependents<T extends object> {
  private readonly references = new Set<WeakRef<T>>();
  private readonly referenceOf = new WeakMap<T, WeakRef<T>>();
  private readonly dropped = new FinalizationRegistry<WeakRef<T>>((reference) => {
    this.references.delete(reference);
  });

  add(dependent: T): void {
    const reference = new WeakRef(dependent);
    this.references.add(reference);
    this.referenceOf.set(dependent, reference);
    this.dropped.register(dependent, reference, reference);
  }

  delete(dependent: T): void {
    const reference = this.referenceOf.get(dependent);
    if (reference === undefined) return;
    this.references.delete(reference);
    this.referenceOf.delete(dependent);
    this.dropped.unregister(reference);
  }

  /** The dependents that are still referenced. */
  held(): T[] {
    return [...this.references].flatMap((reference) => reference.deref() ?? []);
  }
}
