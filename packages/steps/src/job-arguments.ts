import { StepRequest } from '@mediajob/contract';
import { readText } from '@mediajob/storage';
import { stepError } from './failure.js';
import { requestOfIndex } from './indexed-shard.js';

export const JOB_USAGE =
  'Usage: job --request JSON | --request-file FILE, or the request in the variable MEDIAJOB_REQUEST.';

/**
 * The request of a Job, from `--request JSON`, `--request-file FILE` or MEDIAJOB_REQUEST, which in an Indexed Job each
 * pod turns into its own.
 * @throws StepError InvalidArguments naming the field; InputNotFoundError for a missing file
 */
export async function requestOf(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<StepRequest> {
  const [option, value, ...rest] = argv;
  if (rest.length > 0) throw stepError('InvalidArguments', `Too many arguments. ${JOB_USAGE}`);
  if (option === undefined) {
    if (!env.MEDIAJOB_REQUEST) throw stepError('InvalidArguments', `No request was given. ${JOB_USAGE}`);
    return requestOfIndex(parseRequest(env.MEDIAJOB_REQUEST, 'MEDIAJOB_REQUEST'), env);
  }
  if (option !== '--request' && option !== '--request-file') {
    throw stepError('InvalidArguments', `${option} is not known. ${JOB_USAGE}`);
  }
  if (value === undefined) throw stepError('InvalidArguments', `${option} needs a value. ${JOB_USAGE}`);
  return parseRequest(option === '--request' ? value : await readText(value), option);
}

function parseRequest(text: string, where: string): StepRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw stepError('InvalidArguments', `The request in ${where} is not JSON. ${JOB_USAGE}`, error);
  }
  const parsed = StepRequest.safeParse(value);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the request'}: ${issue.message}`);
  throw stepError('InvalidArguments', `The request in ${where} is not valid: ${wrong.join('; ')}.`, parsed.error);
}
