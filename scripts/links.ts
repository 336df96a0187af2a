import path from 'node:path';

export interface Link {
  /** As written, without the anchor; empty for a link within the page. */
  target: string;
  /** Without `#`; null where the link has none. */
  anchor: string | null;
  /** From 1. */
  line: number;
}

/** The relative links and pictures of a Markdown text, outside of code. Addresses with a scheme are left out. */
export function linksOf(markdown: string): Link[] {
  const links: Link[] = [];
  for (const { text, line } of proseOf(markdown)) {
    for (const [, destination = ''] of text.replaceAll(/`[^`]*`/g, '``').matchAll(/\]\(<?([^)\s>]+)>?\)/g)) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(destination)) continue;
      const [target = '', ...anchor] = destination.split('#');
      links.push({ target, anchor: anchor.length === 0 ? null : anchor.join('#'), line });
    }
  }
  return links;
}

/** The anchors that GitHub gives to the headings of a Markdown text. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const { text } of proseOf(markdown)) {
    const [, heading] = /^#{1,6} (.*)$/.exec(text) ?? [];
    if (heading === undefined) continue;
    const slug = heading
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let name = slug;
    for (let count = 1; anchors.has(name); count += 1) name = `${slug}-${count}`;
    anchors.add(name);
  }
  return anchors;
}

/**
 * Says which relative links of a Markdown file lead nowhere.
 *
 * @param file path from the root of the repository.
 * @param files all files of the repository, as such paths.
 * @param documents the texts of the Markdown files, for anchors.
 * @returns one message for each dead link, with file and line.
 */
export function deadLinks(
  file: string,
  markdown: string,
  files: ReadonlySet<string>,
  documents: ReadonlyMap<string, string>,
): string[] {
  return linksOf(markdown).flatMap(({ target, anchor, line }) => {
    const found = target === '' ? file : path.posix.normalize(path.posix.join(path.posix.dirname(file), target));
    const folder = `${found.replace(/\/$/, '')}/`;
    const isFolder = [...files].some((each) => each.startsWith(folder));
    if (!files.has(found) && !isFolder) return [`${file}:${line}: ${target} does not exist`];
    const text = documents.get(found);
    if (anchor === null || text === undefined || anchorsOf(text).has(anchor)) return [];
    return [`${file}:${line}: ${found} has no heading #${anchor}`];
  });
}

/** Says which pages below `docs/` a source file names, in a comment or a text, that do not exist. */
export function deadPages(file: string, source: string, files: ReadonlySet<string>): string[] {
  return source
    .split('\n')
    .flatMap((text, index) =>
      [...text.matchAll(/(?<![\w/.-])docs\/[\w/-]+\.(?:md|png)/g)]
        .filter(([page]) => !files.has(page))
        .map(([page]) => `${file}:${index + 1}: ${page} does not exist`),
    );
}

/** The lines of a Markdown text that are no code block. */
function proseOf(markdown: string): { text: string; line: number }[] {
  let fence: string | null = null;
  return markdown.split('\n').flatMap((text, index) => {
    const [, mark] = /^\s*(```+|~~~+)/.exec(text) ?? [];
    if (mark !== undefined && (fence === null || mark.startsWith(fence))) {
      fence = fence === null ? mark : null;
      return [];
    }
    return fence === null ? [{ text, line: index + 1 }] : [];
  });
}
