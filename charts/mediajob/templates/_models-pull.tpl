{{- /* Job and account. A Job cannot be changed, so its name follows from what it does. A dict with root and namespace. */ -}}
{{- define "mediajob.modelsPull" -}}
{{- $values := .root.Values }}
{{- $pull := $values.models.pull }}
{{- $account := printf "%s-models" (include "mediajob.fullname" .root) }}
{{- $component := dict "root" .root "component" "models" "pod" $pull.pod }}
{{- $image := include "mediajob.image" (dict "root" .root "image" $values.transcriber.image) }}
{{- $spec := printf "%s %s %s" $image (include "mediajob.modelsClaim" .root) (toJson (list $pull $values.pod $values.image)) }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $account }}
  namespace: {{ .namespace }}
  labels:
    {{- include "mediajob.labels" $component | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $account }}-{{ $spec | sha256sum | trunc 8 }}
  namespace: {{ .namespace }}
  labels:
    {{- include "mediajob.labels" $component | nindent 4 }}
spec:
  backoffLimit: {{ $pull.backoffLimit }}
  template:
    metadata:
      {{- include "mediajob.podMetadata" $component | nindent 6 }}
    spec:
      restartPolicy: OnFailure
      {{- include "mediajob.podCommon" (merge (dict "account" $account "graceSeconds" 30) $component) | nindent 6 }}
      containers:
        - name: pull
          image: {{ $image }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          command: [mediajob-models]
          args:
            - pull
            {{- range $pull.names }}
            - {{ . }}
            {{- end }}
            - --quantization
            - {{ $pull.quantization }}
          env:
            - name: MEDIAJOB_MODELS_DIR
              value: /models
            {{- with $pull.source }}
            - name: MEDIAJOB_MODEL_SOURCE
              value: {{ . | quote }}
            {{- end }}
            - name: TMPDIR
              value: /tmp
            {{- with (include "mediajob.podOptions" $component | fromJson).extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          resources:
            {{- toYaml $pull.resources | nindent 12 }}
          securityContext:
            {{- include "mediajob.confined" . | nindent 12 }}
          terminationMessagePolicy: FallbackToLogsOnError
          volumeMounts:
            - {name: models, mountPath: /models}
            - {name: tmp, mountPath: /tmp}
            {{- with (include "mediajob.podOptions" $component | fromJson).extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        {{- include "mediajob.modelsVolume" .root | nindent 8 }}
        {{- include "mediajob.tmpVolume" . | nindent 8 }}
        {{- with (include "mediajob.podOptions" $component | fromJson).extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end }}
