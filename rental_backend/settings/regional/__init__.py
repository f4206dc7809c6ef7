"""The currency and the time zone of the business."""
