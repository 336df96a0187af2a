/** A tag of a page, as a strict reader of our own pages sees it. */
export interface Tag {
  name: string;
  closes: boolean;
  closed: boolean;
  /** Names with their values; a value is always in double quotes. */
  attributes: [name: string, value: string][];
}

const TAG = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z][\w-]*="[^"<]*")*)\s*(\/?)>/gy;
const ATTRIBUTE = /([a-zA-Z][\w-]*)="([^"<]*)"/g;
const VOID = new Set(['meta', 'br']);

/** Cuts a page into tags and texts; throws where a `<` begins nothing that our templates write. */
export function readPage(page: string): { tags: Tag[]; texts: string[] } {
  const tags: Tag[] = [];
  const texts: string[] = [];
  let place = page.startsWith('<!doctype html>') ? '<!doctype html>'.length : 0;
  while (place < page.length) {
    const next = page.indexOf('<', place);
    texts.push(page.slice(place, next < 0 ? page.length : next));
    if (next < 0) break;
    TAG.lastIndex = next;
    const [whole, slash = '', name = '', attributes = '', end = ''] = TAG.exec(page) ?? [];
    if (whole === undefined) throw new Error(`no tag of ours: ${page.slice(next, next + 60)}`);
    tags.push({
      name,
      closes: slash === '/',
      closed: end === '/' || VOID.has(name),
      attributes: [...attributes.matchAll(ATTRIBUTE)].map(([, key = '', value = '']) => [key, value]),
    });
    place = next + whole.length;
  }
  return { tags, texts: texts.filter((text) => text.trim() !== '') };
}

/** Each form of tag that a page has: its name and the names of its attributes. */
export function tagForms(tags: readonly Tag[]): Set<string> {
  return new Set(tags.map(({ name, attributes }) => [name, ...attributes.map(([key]) => key)].join(' ')));
}

/** The tags that are left open, or closed in the wrong order. */
export function misnested(tags: readonly Tag[]): string[] {
  const open: string[] = [];
  for (const { name, closes, closed } of tags) {
    if (closed) continue;
    if (!closes) open.push(name);
    else if (open.pop() !== name) return [...open, name];
  }
  return open;
}

/** The text that escaped text stands for. */
export function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}

/** The value of an attribute as a number. */
export function figure({ attributes }: Tag, name: string): number {
  return Number(attributes.find(([key]) => key === name)?.[1]);
}

/** The tags of a name that have a class. */
export function withClass(tags: readonly Tag[], name: string, kind: string): Tag[] {
  return tags.filter(
    (tag) =>
      tag.name === name && tag.attributes.some(([key, value]) => key === 'class' && value.split(' ').includes(kind)),
  );
}
