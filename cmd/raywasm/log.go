package main

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger returns a logger that writes everything to stderr, a line each, for a person.
func newLogger(to *stream) *zap.Logger {
	cfg := zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "message", LineEnding: zapcore.DefaultLineEnding,
		EncodeTime: zapcore.TimeEncoderOfLayout("15:04:05.000"), EncodeLevel: zapcore.CapitalLevelEncoder,
		EncodeDuration: zapcore.StringDurationEncoder, ConsoleSeparator: " ",
	}
	if to.color {
		cfg.EncodeLevel = zapcore.CapitalColorLevelEncoder
	}
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(cfg), zapcore.AddSync(to), zapcore.DebugLevel))
}
