/** A value that `JSON.parse` returns. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * F1 of the fields of an answer: a field is a path to a value that holds no other, an empty list or object included, and
 * it is right where the reference has the same value at the same path. Fields that the reference lacks cost precision,
 * those that the answer lacks cost recall. (The slot-filling F of MUC-5, Chinchor and Sundheim 1993, with every wrong
 * filler counted as one too many and one too few.) Linear in the size of the documents, however deep they are.
 *
 * @returns 0 to 1.
 */
export function jsonFieldsF1(answer: Json, reference: Json): number {
  return (2 * countEqualLeaves(answer, reference)) / (countLeaves(answer) + countLeaves(reference));
}

function countLeaves(document: Json): number {
  let leaves = 0;
  // A list of values to visit instead of a recursion, because an answer may be nested deeper than the stack.
  const open: Json[] = [document];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const inner = isObject(value) ? Object.values(value) : [];
    if (inner.length === 0) leaves += 1;
    for (const each of inner) open.push(each);
  }
  return leaves;
}

function countEqualLeaves(answer: Json, reference: Json): number {
  let equal = 0;
  const open: [Json, Json][] = [[answer, reference]];
  for (let pair = open.pop(); pair; pair = open.pop()) {
    const [a, b] = pair;
    if (!isObject(a) || !isObject(b)) {
      if (a === b) equal += 1;
    } else if (Array.isArray(a) === Array.isArray(b)) {
      const others = new Map(Object.entries(b));
      const fields = Object.entries(a);
      if (fields.length === 0 && others.size === 0) equal += 1;
      for (const [key, value] of fields) {
        const other = others.get(key);
        if (other !== undefined) open.push([value, other]);
      }
    }
  }
  return equal;
}

function isObject(value: Json): value is readonly Json[] | { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null;
}
