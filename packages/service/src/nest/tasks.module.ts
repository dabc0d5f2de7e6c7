import { type StageName, StepRequest, TaskId, TaskList, TaskStatus } from '@mediajob/contract';
import {
  Body,
  Controller,
  Delete,
  type DynamicModule,
  Get,
  HttpCode,
  Inject,
  Module,
  Param,
  Put,
  Req,
  Res,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { TaskQueue, type TaskRun } from '../core/tasks.js';
import { InjectContext, SERVICE_CONTEXT, type ServiceContext } from './context.js';
import { schemaOf } from './openapi.js';

export interface TasksOptions {
  /** Stages served here; others are answered 422. */
  stages: readonly StageName[];
  /** Tasks run at once. */
  concurrency: number;
  run: TaskRun;
  maxQueued?: number;
}

const status = { schema: schemaOf(TaskStatus) };

@ApiTags('tasks')
@Controller('v1/tasks')
class TasksController {
  readonly #queue: TaskQueue;
  readonly #service: ServiceContext;

  constructor(@Inject(TaskQueue) queue: TaskQueue, @InjectContext() service: ServiceContext) {
    this.#queue = queue;
    this.#service = service;
  }

  @Put(':id')
  @ApiOperation({
    summary: 'Starts a run; sent again with the same content it answers the same run.',
    description: '409 task-differs: the id is taken by another content. 503: full or shutting down; see Retry-After.',
  })
  @ApiOkResponse({ description: 'The task was there already.', ...status })
  @ApiResponse({ status: 201, description: 'The task is new.', ...status })
  put(
    @Param('id', { schema: TaskId }) id: string,
    @Body({ schema: StepRequest }) step: StepRequest,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): TaskStatus {
    const { status, created } = this.#queue.put(id, step);
    response.status(created ? 201 : 200);
    if (created) this.#audit('task.start', id, request);
    return status;
  }

  @Get()
  @ApiOperation({
    summary:
      'What this instance is doing now (finished tasks are told by their id only), and how much it takes at once.',
  })
  @ApiOkResponse({ schema: schemaOf(TaskList) })
  list(): TaskList {
    return this.#queue.list();
  }

  @Get(':id')
  @ApiOperation({ summary: 'State, progress, result or failure of a run.' })
  @ApiOkResponse(status)
  get(@Param('id', { schema: TaskId }) id: string): TaskStatus {
    return this.#queue.get(id);
  }

  @Delete(':id')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancels a run. It is cancelled when its state says so: its children end first.' })
  @ApiOkResponse(status)
  cancel(@Param('id', { schema: TaskId }) id: string, @Req() request: Request): TaskStatus {
    const status = this.#queue.cancel(id);
    this.#audit('task.cancel', id, request);
    return status;
  }

  @Get(':id/events')
  @ApiOperation({ summary: 'The status now and at each change, as Server-Sent Events; ends when the run has ended.' })
  @ApiProduces('text/event-stream')
  events(@Param('id', { schema: TaskId }) id: string, @Res() response: Response): void {
    // An unknown task must be answered before the stream begins.
    this.#queue.get(id);
    const stream = this.#service.streams.open(response);
    const end = this.#queue.subscribe(id, (status) => {
      stream.send({ data: status });
      if (status.finishedAt !== undefined) stream.close();
    });
    void stream.closed.then(end);
  }

  #audit(action: string, id: string, request: Request): void {
    this.#service.audit.record({ action, outcome: 'success', actor: request.ip, object: `tasks/${id}` });
  }
}

/** The idempotent tasks API of DESIGN §7. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a dynamic module is such a class in Nest
export class TasksModule {
  static forRoot(options: TasksOptions): DynamicModule {
    return {
      module: TasksModule,
      controllers: [TasksController],
      providers: [
        {
          provide: TaskQueue,
          inject: [SERVICE_CONTEXT],
          useFactory: (service: ServiceContext) => newQueue(service, options),
        },
      ],
      exports: [TaskQueue],
    };
  }
}

function newQueue(service: ServiceContext, options: TasksOptions): TaskQueue {
  const observe = taskMetrics(service.metrics.registry, () => queue);
  const queue = new TaskQueue({
    ...options,
    instance: service.instance,
    meter: service.meter,
    logger: ({ id, request }) => service.logger.child({ task: id, jobId: request.jobId, stage: request.stage }),
    onFinished: observe,
  });
  service.shutdown.on('stop-taking', 'tasks', () => queue.stopTaking());
  service.shutdown.on('stop-children', 'tasks', () => queue.stopRunning());
  return queue;
}

function taskMetrics(registry: Registry, queue: () => TaskQueue): (status: TaskStatus) => void {
  const registers = [registry];
  const labelNames = ['stage', 'outcome'] as const;
  new Gauge({
    name: 'media_tasks',
    help: 'Runs on this instance now.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'running' }, queue().running);
      this.set({ state: 'queued' }, queue().queued);
    },
  });
  const seconds = new Histogram({
    name: 'media_task_seconds',
    help: 'Time of a run from its start to its end.',
    labelNames,
    buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400],
    registers,
  });
  const cpu = new Counter({
    name: 'media_task_cpu_seconds_total',
    help: 'CPU time of runs with their children.',
    labelNames,
    registers,
  });
  const memory = new Histogram({
    name: 'media_task_max_rss_bytes',
    help: 'Largest resident memory of a run with its children.',
    labelNames: ['stage'],
    buckets: [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384].map((mib) => mib * 1024 * 1024),
    registers,
  });
  const failures = new Counter({
    name: 'media_task_failures_total',
    help: 'Failed runs by reason.',
    labelNames: ['stage', 'reason'],
    registers,
  });
  return ({ stage, state, startedAt, finishedAt, usage, failure }) => {
    if (failure !== undefined) failures.inc({ stage, reason: failure.reason });
    if (startedAt === undefined || finishedAt === undefined) return;
    const labels = { stage, outcome: state };
    seconds.observe(labels, (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000);
    if (usage === undefined) return;
    cpu.inc(labels, usage.cpuSeconds);
    memory.observe({ stage }, usage.maxRssBytes);
  };
}
