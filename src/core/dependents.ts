/** The references of an owner, and that of a dependent among them. */
interface Held<T extends object> {
  readonly references: Set<WeakRef<T>>;
  readonly reference: WeakRef<T>;
}

/**
 * The one registry of all owners. V8 before 14 (Node.js 20 to 24) ends the callbacks of every
 * FinalizationRegistry of the process when a registry is collected whose callback is due: none may
 * be shorter-lived than the module.
 */
const dropped = new FinalizationRegistry<Held<object>>(({ references, reference }) => {
  references.delete(reference);
});

/**
 * Weak references from an owner to the objects that end with it. The owner does not keep an
 * object alive that its users have dropped.
 */
export class Dependents<T extends object> {
  private readonly references = new Set<WeakRef<T>>();
  private readonly referenceOf = new WeakMap<T, WeakRef<T>>();

  add(dependent: T): void {
    const { references } = this;
    const reference = new WeakRef(dependent);
    references.add(reference);
    this.referenceOf.set(dependent, reference);
    dropped.register(dependent, { references, reference }, reference);
  }

  delete(dependent: T): void {
    const reference = this.referenceOf.get(dependent);
    if (reference === undefined) return;
    this.references.delete(reference);
    this.referenceOf.delete(dependent);
    dropped.unregister(reference);
  }

  /** The dependents that are still referenced. */
  held(): T[] {
    return [...this.references].flatMap((reference) => reference.deref() ?? []);
  }
}
