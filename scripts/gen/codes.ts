import { contract } from './contract.ts';

/** docs/CODES.md: exit codes, problem codes, phases, conditions and their reasons. */
export async function codesDocument(): Promise<string> {
  const {
    ExitCode,
    PROBLEMS,
    PHASES,
    CONDITION_TYPES,
    CONDITION_REASONS,
    FAILURE_REASONS,
    reasonOfExitCode,
    retryPolicyOf,
  } = await contract();
  const policies = {
    done: 'done',
    fail: 'the job fails',
    retry: 'tried again after 5, 10, 20 … s, as often as `retries` says',
    'retry-uncounted': 'tried again; does not count',
    'wait-storage': 'waits and tries again after 1, 2, 5, then every 10 min; does not count',
    'wait-model': 'waits for the model until the deadline',
  } as const;
  const exits = Object.entries(ExitCode).map(
    ([, code]) =>
      `| ${code} | ${code === 0 ? 'Succeeded' : reasonOfExitCode(code)} | ${policies[retryPolicyOf(code)]} |`,
  );
  const problems = Object.entries(PROBLEMS).map(
    ([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`,
  );
  return `<!-- Generated from packages/contract by "npm run gen". -->
# Codes

All of these are stable: scripts may rely on them.

## Exit codes of a step

| code | reason | what happens to the job |
|---|---|---|
${exits.join('\n')}
| other | ${reasonOfExitCode(1)}, or Killed above 128 | ${policies[retryPolicyOf(1)]} |

78 with the reason BadChecksum fails the job: a wrong checksum does not mend itself.

Reasons of failed runs: ${FAILURE_REASONS.join(', ')}.

## Problem codes

Errors of the HTTP APIs are RFC 9457 \`application/problem+json\` with \`code\`, a sentence in \`detail\` and, for
fields, \`errors[]\`.

| code | status | title |
|---|---|---|
${problems.join('\n')}

## Phases and conditions

Phases: ${PHASES.join(', ')}. A phase is derived for people; the conditions are the truth.

Conditions: ${CONDITION_TYPES.join(', ')}.

Reasons: ${CONDITION_REASONS.join(', ')}.
`;
}
