export { keptOutFile, teacherAnswersFile as answersFile } from '../../stores/home.ts';
