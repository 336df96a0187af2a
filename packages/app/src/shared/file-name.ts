/** A file name that cannot leave its folder: anything but letters, digits, `-`, `_`, `.` becomes `_`. */
export function fileName(part: string): string {
  const plain = part.replace(/[^\w.-]/g, '_').slice(0, 120);
  return /^\.*$/.test(plain) ? `_${plain}` : plain;
}
