import { LABEL, TEACHER_ANSWER } from '../contract/stored/label-rows.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { KeptAnswers } from '../core/run/labelling.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import { ActualsFile, byModel, type GivenAnswer } from '../data/labels/actuals-file.ts';
import { answersFile, keptOutFile } from '../data/labels/teacher-files.ts';
import { answerIssue } from '../data/rows/answer-issue.ts';
import { TuneloopError } from '../errors.ts';
import { loadLines } from '../stores/stored-objects.ts';
import { teacherOf } from './find-unlabelled.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './support/dependencies.ts';
import { Journal } from './support/journal.ts';

export interface KeepAnswersInput {
  definition: ArtifactRef;
  /** One label of the log a line, as JSON; null where any answer is acceptable. */
  labels: ArtifactRef | null;
}

/**
 * Adds the teacher's answers to the file of right answers, once. A row that has an answer there keeps it, so that a second attempt adds
 * nothing and no person is overruled. Answers that cannot be right are put aside for people.
 */
export function createKeepAnswers(dependencies: Dependencies) {
  return async ({ definition, labels: ref }: KeepAnswersInput): Promise<KeptAnswers> => {
    const { artifacts, home } = dependencies;
    const pipeline = await loadPipeline(dependencies, definition);
    const { model } = teacherOf(pipeline);
    const by = byModel(model);
    const labels = ref && new Set(await Array.fromAsync(loadLines(LABEL, artifacts, ref)));
    const journal = await Journal.open(answersFile(home, currentWorkflowId(), model), TEACHER_ANSWER, ({ id }) => id);
    const file = actualsFileOf(pipeline);
    const actuals = await ActualsFile.open(file);
    const keptOut = await ActualsFile.open(keptOutFile(home, currentWorkflowId()));
    const good: GivenAnswer[] = [];
    const doubtful: GivenAnswer[] = [];
    for (const { id, text, cut, timestamp } of journal.entries.values()) {
      // Half an answer is no suggestion either.
      const whole = cut || text === null ? '' : text;
      const actual = pipeline.task === 'classification' ? whole.trim() : whole;
      const isGood = answerIssue(actual) === undefined && (labels === null || labels.has(actual));
      (isGood ? good : doubtful).push({ id, actual, by, timestamp });
    }
    const isNew = ({ id }: GivenAnswer) => !actuals.answers.get(id)?.actual?.trim();
    await actuals.append(good.filter(isNew));
    await keptOut.append(
      doubtful.filter(({ id, actual }) => {
        const known = keptOut.answers.get(id);
        return known?.by !== by || known.actual !== actual;
      }),
    );
    await journal.remove();
    return {
      labelled: good.filter(({ id }) => actuals.answers.get(id)?.by === by).length,
      doubtful: doubtful.length,
      file,
    };
  };
}

function actualsFileOf({ name, source }: Pipeline): string {
  if (source.actuals !== undefined) return source.actuals;
  throw new TuneloopError(
    'PIPELINE_INVALID',
    `pipeline ${name} has no key source.actuals: name a file for the answers`,
  );
}
