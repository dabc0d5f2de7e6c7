export { isAnnotation } from './annotation.js';
export { type Attempt, attemptsAt, MOST_ATTEMPTS } from './attempts.js';
export { omissionsOf } from './omissions.js';
export { type Doubt, type Evidence, isBetter, type Review, reviewWindow } from './review.js';
export { isWrittenOtherwise } from './script-of-language.js';
export { clipped } from './spans.js';
export { splice } from './splice.js';
