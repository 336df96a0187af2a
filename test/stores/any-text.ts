import fc from 'fast-check';

const unit = fc.oneof(
  fc.integer({ min: 0x20, max: 0x7e }),
  fc.integer({ min: 0, max: 0xffff }),
  fc.integer({ min: 0x1_0000, max: 0x10_ffff }),
);

/** Any string that JavaScript knows, lone surrogates included. */
export function anyText(maxLength = 20): fc.Arbitrary<string> {
  return fc.array(unit, { maxLength }).map((units) => units.map((each) => String.fromCodePoint(each)).join(''));
}

/** Any string that UTF-8 can hold. */
export function wellFormedText(maxLength = 20): fc.Arbitrary<string> {
  return anyText(maxLength).map((text) => text.toWellFormed());
}
