import { lstat } from 'node:fs/promises';
import type { PromptTemplate } from '@tuneloop/app/internal/prompt/prompt-template';
import { MANIFEST } from '../contract/stored/manifest.ts';
import { SNAPSHOT } from '../contract/stored/snapshot.ts';
import { TEMPLATE } from '../contract/stored/template.ts';
import type { Manifest } from '../core/dataset/manifest.ts';
import { SIDES, type Side } from '../core/dataset/side.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { Snapshot } from '../core/run/snapshot.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { DatasetVersions, versionName } from '../stores/dataset-versions.ts';
import { readErasureMark } from '../stores/erased-artifacts.ts';
import { artifactFile } from '../stores/home.ts';
import { loadStored } from '../stores/stored-objects.ts';
import { known } from './home-files.ts';

/** A dataset version that can be read. */
export interface StoredVersion {
  /** `<pipeline>@<number>`. */
  name: string;
  pipeline: string;
  number: number;
  manifestHash: string;
  /** After an erasure it refers to the artifacts without the row. */
  manifest: Manifest;
  template: PromptTemplate | null;
  /** Null where it cannot be read. */
  snapshot: Snapshot | null;
}

/** The role of an artifact in a dataset version. */
export type Role =
  | { kind: 'segment' | 'actuals' | 'keys' | 'ledger'; version: StoredVersion }
  | { kind: 'examples'; version: StoredVersion; side: Side };

/** The dataset versions of all pipelines; unreadable ones are reported to `note`. */
export async function storedVersions(
  home: string,
  artifacts: ArtifactStore,
  note: (text: string) => void,
): Promise<StoredVersion[]> {
  const listed = await known(() => new DatasetVersions(home).list());
  if (!listed.known) {
    note(`the list of dataset versions cannot be read, so the roles of artifacts are unknown: ${listed.why}`);
    return [];
  }
  const versions: StoredVersion[] = [];
  for (const { pipeline, number, manifest: ref } of listed.value) {
    const name = versionName({ pipeline, number });
    const manifest = await known(() => loadStored(MANIFEST, artifacts, ref));
    if (!manifest.known) {
      note(`${name} cannot be read, so its training files were not searched: ${manifest.why}`);
      continue;
    }
    const template = await known(() => loadStored(TEMPLATE, artifacts, manifest.value.template.ref));
    const snapshot = await known(() => loadStored(SNAPSHOT, artifacts, manifest.value.snapshot));
    if (!template.known)
      note(`the instructions of ${name} cannot be read, so inputs are not recognized: ${template.why}`);
    if (!snapshot.known) note(`the snapshot of ${name} cannot be read: ${snapshot.why}`);
    versions.push({
      name,
      pipeline,
      number,
      manifestHash: ref.sha256,
      manifest: await currentManifest(home, manifest.value),
      template: template.known ? template.value : null,
      snapshot: snapshot.known ? await currentSnapshot(home, snapshot.value) : null,
    });
  }
  return versions;
}

async function currentManifest(home: string, manifest: Manifest): Promise<Manifest> {
  const { train, validation, test } = manifest.examples;
  const current = (ref: ArtifactRef) => currentRef(home, ref);
  return {
    ...manifest,
    examples: { train: await current(train), validation: await current(validation), test: await current(test) },
    keys: await current(manifest.keys),
    ledger: await current(manifest.ledger),
  };
}

async function currentSnapshot(home: string, snapshot: Snapshot): Promise<Snapshot> {
  const segments: ArtifactRef[] = [];
  const actuals: ArtifactRef[] = [];
  for (const ref of snapshot.segments) segments.push(await currentRef(home, ref));
  for (const ref of snapshot.actuals) actuals.push(await currentRef(home, ref));
  return { ...snapshot, segments, actuals };
}

/** The successor of an artifact from which a row was erased, or the artifact itself. */
async function currentRef(home: string, ref: ArtifactRef): Promise<ArtifactRef> {
  const file = artifactFile(home, ref.sha256);
  if (await isThere(file)) return ref;
  const successor = (await readErasureMark(file))?.successor;
  return successor ? currentRef(home, successor) : ref;
}

function isThere(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

/** The role of each artifact, by hash: one may have the same role in several versions. */
export function rolesByHash(versions: readonly StoredVersion[]): Map<string, Role[]> {
  const roles = new Map<string, Role[]>();
  const add = ({ sha256 }: ArtifactRef, role: Role) => {
    const known = roles.get(sha256);
    if (known) known.push(role);
    else roles.set(sha256, [role]);
  };
  for (const version of versions) {
    const { manifest, snapshot } = version;
    for (const segment of snapshot?.segments ?? []) add(segment, { kind: 'segment', version });
    for (const answers of snapshot?.actuals ?? []) add(answers, { kind: 'actuals', version });
    for (const side of SIDES) add(manifest.examples[side], { kind: 'examples', version, side });
    add(manifest.keys, { kind: 'keys', version });
    add(manifest.ledger, { kind: 'ledger', version });
  }
  return roles;
}
