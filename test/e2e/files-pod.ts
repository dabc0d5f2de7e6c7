export const FILES_POD = 'files';

/** A pod in which a test reads and writes both volumes, whatever becomes of the services. */
export function filesPod({ image, media, models }: { image: string; media: string; models: string }) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: FILES_POD },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 10_001,
        runAsGroup: 10_001,
        fsGroup: 10_001,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'files',
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['sleep', '2147483647'],
          resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '256Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [
            { name: 'media', mountPath: '/data' },
            { name: 'models', mountPath: '/models' },
          ],
        },
      ],
      volumes: [
        { name: 'media', persistentVolumeClaim: { claimName: media } },
        { name: 'models', persistentVolumeClaim: { claimName: models } },
      ],
    },
  };
}
