"""The intake service: Flask, thin, never importing Airflow."""
